#include "app/net/ws_client.hpp"

#include "app/net/server.hpp"
#include "tests/support/run_on_loop.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app::net {
namespace {

// Says back what it hears; "close" ends the connection, "flood" answers with more than the client takes.
class echo_session final : public peer_session {
  public:
    explicit echo_session(std::vector<std::string>& heard) : heard_(heard) {}
    void on_open(outbound& out) override { out_ = &out; }
    void on_text(std::string_view text) override {
        heard_.emplace_back(text);
        if (text == "close") return out_->close({4403, "not you"});
        out_->offer(text == "flood" ? std::string(5000, 'x') : std::string(text));
    }
    void on_close(close_reason const&) override {}
    bool is_authenticated() const override { return true; }

  private:
    std::vector<std::string>& heard_;
    outbound* out_ = nullptr;
};

class echo_app final : public application_port {
  public:
    core::task<http_response> respond(http_request) override { co_return http_response(); }
    core::task<std::expected<std::unique_ptr<peer_session>, http_response>> accept(http_request request
    ) override {
        token = std::string(request.header("authorization").value_or(""));
        if (token == "Bearer wrong") {
            http_response refused;
            refused.status = 401;
            refused.body = "{\"title\":\"no\"}";
            co_return std::unexpected(std::move(refused));
        }
        co_return std::make_unique<echo_session>(heard);
    }
    void on_refused(std::uint64_t, std::string const&, int, std::string_view) override {}

    std::string token;
    std::vector<std::string> heard;
};

class ws_client_test : public ::testing::Test {
  public:
    ws_client_test() {
        server_options options;
        options.port = 0;
        server = make_server(loop, options, app);
        server->start();
        wanted.url = "ws://" + server->address() + "/ws";
        wanted.subprotocols = {"gatehouse.v1"};
    }

    using use_client = core::task<> (*)(ws_client_test&, ws_client&);
    void with_client(use_client use) {
        auto body = [](ws_client_test& test, use_client with) -> core::task<> {
            auto opened = co_await connect_websocket(test.loop, test.wanted, test.stop);
            EXPECT_TRUE(opened) << opened.error().error.message;
            if (opened) {
                co_await with(test, **opened);
                co_await (*opened)->end();
            }
            co_await test.server->stop(test.loop.now() + std::chrono::seconds(5));
        };
        testing::run_on_loop(loop, body(*this, use));
    }

    ws_refusal refusal() {
        std::optional<ws_refusal> got;
        auto body = [](ws_client_test& test, std::optional<ws_refusal>& into) -> core::task<> {
            auto opened = co_await connect_websocket(test.loop, test.wanted, test.stop);
            EXPECT_FALSE(opened);
            if (!opened) into = std::move(opened.error());
            co_await test.server->stop(test.loop.now() + std::chrono::seconds(5));
        };
        testing::run_on_loop(loop, body(*this, got));
        return got.value();
    }

    io_loop loop;
    echo_app app;
    std::unique_ptr<server> server;
    ws_client_options wanted;
    core::cancellation stop;
};

TEST_F(ws_client_test, messages_go_out_and_come_back_in_order) {
    wanted.headers = {{"Authorization", "Bearer right"}};
    with_client([](ws_client_test& test, ws_client& client) -> core::task<> {
        EXPECT_EQ(test.app.token, "Bearer right");
        for (int i = 0; i < 200; ++i) EXPECT_TRUE(client.send(std::to_string(i)));
        for (int i = 0; i < 200; ++i) EXPECT_EQ(co_await client.receive(), std::to_string(i));
    });
}

TEST_F(ws_client_test, the_peers_close_code_and_reason_are_told) {
    with_client([](ws_client_test&, ws_client& client) -> core::task<> {
        client.send("close");
        auto const ended = co_await client.receive();
        EXPECT_FALSE(ended);
        EXPECT_EQ(ended.error().code, 4403);
        EXPECT_EQ(ended.error().text, "not you");
        EXPECT_FALSE(client.send("more"));
    });
}

TEST_F(ws_client_test, closing_sends_what_is_queued_first) {
    with_client([](ws_client_test& test, ws_client& client) -> core::task<> {
        client.send("last words");
        client.close({1000, "done"});
        EXPECT_FALSE(client.send("too late"));
        auto ended = co_await client.receive();
        if (ended) ended = co_await client.receive();
        EXPECT_FALSE(ended);
        EXPECT_EQ(ended.error().code, 1000);
        EXPECT_EQ(test.app.heard, std::vector<std::string>{"last words"});
    });
}

TEST_F(ws_client_test, a_message_over_the_bound_closes_the_connection) {
    wanted.message_bytes_max = 1000;
    with_client([](ws_client_test&, ws_client& client) -> core::task<> {
        client.send("flood");
        EXPECT_FALSE(co_await client.receive());
    });
}

TEST_F(ws_client_test, more_than_the_queue_may_hold_is_not_taken) {
    wanted.outbound_bytes_max = 100;
    with_client([](ws_client_test&, ws_client& client) -> core::task<> {
        EXPECT_TRUE(client.send(std::string(60, 'x')));
        EXPECT_FALSE(client.send(std::string(60, 'x')));
        EXPECT_TRUE(client.send(std::string(40, 'x')));
        EXPECT_TRUE(co_await client.receive());
        EXPECT_TRUE(co_await client.receive());
        EXPECT_TRUE(client.send(std::string(60, 'x')));
    });
}

TEST_F(ws_client_test, a_silent_peer_is_given_up) {
    wanted.silence_timeout = std::chrono::milliseconds(20);
    with_client([](ws_client_test&, ws_client& client) -> core::task<> {
        auto const ended = co_await client.receive();
        EXPECT_FALSE(ended);
        EXPECT_EQ(ended.error().code, 1006);
    });
}

TEST_F(ws_client_test, a_refused_upgrade_carries_the_servers_answer) {
    wanted.headers = {{"Authorization", "Bearer wrong"}};
    auto const got = refusal();
    ASSERT_TRUE(got.answer) << got.error.message;
    EXPECT_EQ(got.answer->status, 401);
    EXPECT_EQ(got.answer->body, "{\"title\":\"no\"}");
}

TEST_F(ws_client_test, a_subprotocol_the_server_does_not_speak_is_a_refusal) {
    wanted.subprotocols = {"other.v9"};
    EXPECT_EQ(refusal().error.what, transport_error::kind::protocol);
}

TEST_F(ws_client_test, a_server_that_never_answers_is_given_up) {
    wanted.connect_timeout = std::chrono::milliseconds(0);
    EXPECT_EQ(refusal().error.what, transport_error::kind::timeout);
}

} // namespace
} // namespace gatehouse::app::net
