#include "app/net/http_client.hpp"

#include "tests/support/model_server.hpp"
#include "tests/support/run_on_loop.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace gatehouse::app::net {
namespace {

using kind = transport_error::kind;
using testing::http_answer_text;
using testing::model_server;
using testing::run_on_loop;
using testing::scripted_answer;

class http_client_test : public ::testing::Test {
  protected:
    std::expected<client_response, transport_error> get(std::string url, http_client_options options = {}) {
        client_request request;
        request.url = std::move(url);
        return send(std::move(request), std::move(options));
    }

    std::expected<client_response, transport_error>
    send(client_request request, http_client_options options = {}) {
        std::optional<std::expected<client_response, transport_error>> answer;
        auto body = [](http_client_test& test, auto& into, client_request what,
                       http_client_options how) -> core::task<> {
            http_client client(test.loop, std::move(how));
            into = co_await client.request(std::move(what), test.stop);
        };
        run_on_loop(loop, body(*this, answer, std::move(request), std::move(options)));
        return answer.value();
    }

    // The kind of the failure of a GET that is answered with these bytes.
    std::optional<kind> failure_of(scripted_answer answer, http_client_options options = {}) {
        model_server server(loop);
        server.answer_with(std::move(answer));
        auto const got = get(server.url(), std::move(options));
        return got ? std::nullopt : std::optional(got.error().what);
    }

    io_loop loop;
    core::cancellation stop;
};

TEST_F(http_client_test, a_request_arrives_as_it_was_given_and_the_answer_comes_back_whole) {
    model_server server(loop);
    server.answer_with({{http_answer_text(201, "text/plain", "hello", "X-Thing: one\r\n")}});
    client_request request{"POST", server.url() + "/a/b?c=d", {{"Authorization", "Bearer x"}}, "{\"k\":1}"};
    auto const got = send(request);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 201);
    EXPECT_EQ(got->body, "hello");
    EXPECT_EQ(got->header("x-thing"), "one");
    EXPECT_EQ(got->header("x-other"), std::nullopt);
    ASSERT_EQ(server.requests().size(), 1U);
    auto const& sent = server.requests()[0];
    EXPECT_EQ(sent.method, "POST");
    EXPECT_EQ(sent.target, "/a/b?c=d");
    EXPECT_EQ(sent.body, "{\"k\":1}");
    EXPECT_EQ(sent.header("authorization"), "Bearer x");
    EXPECT_EQ(sent.header("host"), server.url().substr(7));
}

TEST_F(http_client_test, a_body_is_the_same_however_it_is_framed_and_cut) {
    std::vector<std::vector<std::string>> const framings{
        {http_answer_text(200, "text/plain", "hello world")},
        {"HTTP/1.1 200 OK\r\n\r\nhello", " world"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "6\r", "\n wo",
         "rld\r\n0\r\n", "\r\n"},
        {"HTTP/1.1 100 Continue\r\n\r\n", http_answer_text(200, "text/plain", "hello world")},
        {"HTTP/1.1 100 Continue\r\n\r\n" + http_answer_text(200, "text/plain", "hello world")},
        {"HTT", "P/1.1 200 OK\r\nContent-", "Length: 11\r", "\n\r\nhel", "lo world"},
    };
    for (auto const& pieces : framings) {
        model_server server(loop);
        server.answer_with({pieces});
        auto const got = get(server.url());
        ASSERT_TRUE(got) << pieces[0] << got.error().message;
        EXPECT_EQ(got->body, "hello world") << pieces[0];
    }
}

TEST_F(http_client_test, broken_answers_fail_by_kind) {
    http_client_options small;
    small.body_bytes_max = 100;
    http_client_options hasty;
    hasty.head_timeout = std::chrono::milliseconds(20);
    hasty.idle_timeout = std::chrono::milliseconds(20);
    EXPECT_EQ(failure_of({{""}}), kind::closed);
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\nContent-"}}), kind::closed);
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"}}), kind::closed);
    EXPECT_EQ(
        failure_of({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}}), kind::closed
    );
    EXPECT_EQ(failure_of({{"SSH-2.0-OpenSSH\r\n\r\n"}}), kind::protocol);
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}}), kind::protocol);
    EXPECT_EQ(
        failure_of({{http_answer_text(200, "text/plain", std::string(101, 'x'))}}, small), kind::too_large
    );
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x')}}, small), kind::too_large);
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')}}), kind::too_large);
    EXPECT_EQ(failure_of({{}, true, {}}, hasty), kind::timeout);
    EXPECT_EQ(failure_of({{"HTTP/1.1 200 OK\r\n\r\nhello"}, true, {}}, hasty), kind::timeout);
}

TEST_F(http_client_test, what_cannot_be_sent_is_refused_before_anything_is_opened) {
    for (std::string const url :
         {"", "no url", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://127.0.0.1:0/",
          "http://127.0.0.1/#token=x", "http:///x"}) {
        auto const got = get(url);
        ASSERT_FALSE(got) << url;
        EXPECT_EQ(got.error().what, kind::bad_request) << url;
        EXPECT_EQ(got.error().message.find("secret"), std::string::npos);
    }
    auto const split = send({"GET", "http://127.0.0.1:1/", {{"X-Key", "a\r\nX-Other: b"}}, ""});
    ASSERT_FALSE(split);
    EXPECT_EQ(split.error().what, kind::bad_request);
}

TEST_F(http_client_test, a_port_where_nobody_listens_and_a_name_without_address_are_told_apart) {
    std::string nobody;
    {
        model_server server(loop);
        nobody = server.url();
    }
    auto const refused = get(nobody);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, kind::connect);
    auto const unknown = get("http://no-such-name.invalid/");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().what, kind::resolve);
}

TEST_F(http_client_test, cancelling_a_streamed_answer_closes_its_socket) {
    model_server server(loop);
    bool closed = false;
    server.answer_with({{testing::sse_head(), "data: a\n\n"}, true, [&closed, this] {
                            closed = true;
                            loop.stop();
                        }});
    auto body = [](io_loop& on, model_server& from, core::cancellation& cancel) -> core::task<> {
        http_client client(on);
        client_request request;
        request.url = from.url();
        auto const opened = co_await client.open(request, cancel);
        EXPECT_TRUE(opened);
        auto const first = co_await (*opened)->next_chunk(cancel);
        EXPECT_EQ(first, "data: a\n\n");
        on.start_timer(on.now(), [&cancel] { cancel.request(); });
        auto const second = co_await (*opened)->next_chunk(cancel);
        EXPECT_FALSE(second);
        EXPECT_EQ(second.error().what, kind::cancelled);
    };
    run_on_loop(loop, body(loop, server, stop));
    while (!closed) loop.run();
    EXPECT_TRUE(closed);
}

class http_client_tls_test : public http_client_test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/gatehouse_ca_XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        folder = name;
    }
    void TearDown() override {
        std::remove((folder + "/ca.pem").c_str());
        rmdir(folder.c_str());
    }

    std::expected<client_response, transport_error>
    get_from(testing::test_certificate const& certificate, std::string const& host, tls_options tls) {
        std::ofstream(folder + "/ca.pem") << certificate.certificate;
        model_server server(loop, certificate);
        server.answer_with({{http_answer_text(200, "text/plain", "secret")}});
        http_client_options options;
        options.tls = std::move(tls);
        return get("https://" + host + ":" + std::to_string(server.port()) + "/", options);
    }

    std::string folder;
};

TEST_F(http_client_tls_test, a_certificate_nobody_vouches_for_is_refused_and_accepted_once_it_is_configured) {
    auto const certificate = testing::make_test_certificate("localhost");
    auto const refused = get_from(certificate, "127.0.0.1", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, kind::tls);
    EXPECT_NE(refused.error().message.find("certificate"), std::string::npos) << refused.error().message;
    for (auto const* host : {"127.0.0.1", "localhost"}) {
        auto const accepted = get_from(certificate, host, {true, folder + "/ca.pem"});
        ASSERT_TRUE(accepted) << accepted.error().message;
        EXPECT_EQ(accepted->body, "secret");
    }
    EXPECT_TRUE(get_from(certificate, "127.0.0.1", {false, ""}));
}

TEST_F(http_client_tls_test, a_trusted_certificate_for_another_name_is_refused) {
    auto const certificate = testing::make_test_certificate("elsewhere.example", false);
    for (auto const* host : {"127.0.0.1", "localhost"}) {
        auto const refused = get_from(certificate, host, {true, folder + "/ca.pem"});
        ASSERT_FALSE(refused) << host;
        EXPECT_EQ(refused.error().what, kind::tls);
    }
}

TEST_F(http_client_tls_test, a_ca_file_that_cannot_be_read_is_named) {
    auto const refused =
        get_from(testing::make_test_certificate("localhost"), "127.0.0.1", {true, "/no/such/file.pem"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("/no/such/file.pem"), std::string::npos);
}

} // namespace
} // namespace gatehouse::app::net
