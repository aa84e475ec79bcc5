#include "tests/unit/app/net/server_fixture.hpp"

#include <vector>

namespace gatehouse::app::net::test {

namespace {

using namespace std::chrono_literals;

class http_server : public server_fixture {
  protected:
    bool body_has(std::string_view part, std::string_view request) {
        return exchange(request).body.find(part) != std::string::npos;
    }
};

server_options with_request_timeout(std::chrono::milliseconds time) {
    server_options options;
    options.request_timeout = time;
    return options;
}

} // namespace

TEST_F(http_server, answers_a_request_and_keeps_the_connection) {
    start();
    auto client = connect();
    client.send(get("/echo?a=b+c&d=%2F&&e", "X-One: 1\r\nx-one: 2\r\n"));
    auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.head.find("\r\nDate: "), answer.head.npos);
    EXPECT_NE(answer.body.find("GET /echo\n?a=b c\n?d=/\n?e=\n"), answer.body.npos) << answer.body;
    EXPECT_NE(answer.body.find("x-one: 1\nx-one: 2\n"), answer.body.npos);
    EXPECT_NE(answer.body.find("from 127.0.0.1\n"), answer.body.npos);
    client.send(get("/second"));
    EXPECT_NE(read_answer(client).body.find("GET /second\n"), answer.body.npos);
}

TEST_F(http_server, answers_pipelined_requests_in_order) {
    start();
    auto client = connect();
    client.send(get("/1") + get("/2") + get("/3", "Connection: close\r\n"));
    for (auto const* path : {"/1", "/2", "/3"}) {
        EXPECT_NE(read_answer(client).body.find("GET " + std::string(path)), std::string::npos);
    }
    EXPECT_EQ(client.receive_all(), "");
}

TEST_F(http_server, reads_a_head_that_comes_byte_by_byte) {
    start();
    auto client = connect();
    for (char c : get("/slow")) client.send({&c, 1});
    EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(http_server, reads_bodies_by_length_and_in_chunks) {
    start();
    auto client = connect();
    client.send("POST /a HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_TRUE(read_answer(client).body.ends_with("\n\nhello"));
    client.send("POST /a HTTP/1.1\r\nHost: " + host() + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3;ext=1\r\nhel\r\n");
    client.send("2\r\nlo\r\n0\r\nHost: evil\r\nAuthorization: Bearer x\r\n\r\n");
    auto answer = read_answer(client);
    EXPECT_TRUE(answer.body.ends_with("\n\nhello"));
    EXPECT_EQ(answer.body.find("evil"), answer.body.npos) << "a trailer is no header";
    EXPECT_EQ(answer.body.find("authorization"), answer.body.npos);
}

TEST_F(http_server, asks_for_the_body_where_the_client_waits_for_that) {
    start();
    auto client = connect();
    client.send(
        "POST /a HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    );
    EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    EXPECT_TRUE(read_answer(client).body.ends_with("\n\nhello"));
}

TEST_F(http_server, takes_big_artifacts_from_who_shows_a_token_only) {
    start();
    std::string body(3 << 20, 'a');
    auto head = "PUT /v1/artifacts/art_x HTTP/1.1\r\nHost: " + host() +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    EXPECT_TRUE(body_has(body, head + "Authorization: Bearer x\r\n\r\n" + body));
    EXPECT_EQ(exchange(head + "\r\n").status, 413);
}

TEST_F(http_server, answers_head_as_get_without_the_body) {
    start();
    auto client = connect();
    client.send("HEAD /shared HTTP/1.1\r\nHost: " + host() + "\r\n\r\n" + get("/nothing") + get("/next"));
    auto head = client.receive_until("\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 11\r\n"), head.npos);
    auto nothing = client.receive_until("\r\n\r\n");
    EXPECT_EQ(nothing.substr(0, 23), "HTTP/1.1 204 No Content");
    EXPECT_EQ(nothing.find("Content-Length"), nothing.npos);
    EXPECT_NE(read_answer(client).body.find("GET /next"), std::string::npos);
}

TEST_F(http_server, speaks_1_0_and_closes_after_it) {
    start();
    auto client = connect();
    client.send("GET /stream HTTP/1.0\r\nHost: " + host() + "\r\n\r\n");
    auto answer = client.receive_all();
    EXPECT_EQ(answer.find("chunked"), answer.npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\npiece 1\npiece 2\npiece 3\n")) << answer;
}

TEST_F(http_server, streams_in_chunks_and_goes_on) {
    start();
    auto client = connect();
    client.send(get("/stream") + get("/next"));
    EXPECT_EQ(read_answer(client).body, "piece 1\npiece 2\npiece 3\n");
    EXPECT_NE(read_answer(client).body.find("GET /next"), std::string::npos);
}

TEST_F(http_server, stops_a_stream_when_the_peer_goes) {
    start();
    for (bool by_reset : {false, true}) {
        auto client = connect();
        client.send(get("/endless"));
        EXPECT_NE(client.receive_until("begin\n"), "");
        by_reset ? client.close_with_reset() : client.shut_down_sending();
        EXPECT_EQ(log_.take("source stopped"), "source stopped");
        EXPECT_EQ(log_.take("source destroyed"), "source destroyed");
    }
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.http == 0; }));
}

TEST_F(http_server, cuts_a_stream_that_nobody_reads) {
    start(with_request_timeout(100ms));
    auto client = connect(4096);
    client.send(get("/flood"));
    EXPECT_EQ(log_.take("flood destroyed"), "flood destroyed");
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.http == 0; }));
}

TEST_F(http_server, a_handler_that_throws_is_an_internal_error_and_the_connection_lives) {
    start();
    auto client = connect();
    client.send(get("/fail") + get("/next"));
    auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("as asked"), answer.body.npos);
    EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(http_server, a_handler_cannot_smuggle_a_header) {
    start();
    auto answer = exchange(get("/injection"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.head.find("X-Evil"), answer.head.npos);
}

TEST_F(http_server, allows_its_own_names_and_pages) {
    server_options options;
    options.allowed_hosts = {"gate.example", "other.example:9000"};
    options.allowed_origins = {"https://console.example"};
    start(options);
    auto port = std::to_string(port_);
    for (std::string name :
         {"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port, "gate.example:" + port,
          std::string("gate.example"), std::string("other.example:9000")}) {
        EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n").status, 200) << name;
    }
    EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n").status, 421);
    for (std::string origin :
         {"http://localhost:" + port, "http://[::1]:" + port, std::string("https://console.example")}) {
        EXPECT_EQ(exchange(get("/", "Origin: " + origin + "\r\n")).status, 200) << origin;
    }
    EXPECT_EQ(exchange(get("/", "Origin: https://gate.example\r\n")).status, 403);
    EXPECT_EQ(
        exchange("GET http://" + host() + "/abs?x=y HTTP/1.1\r\nHost: " + host() + "\r\n\r\n").status, 200
    );
}

TEST_F(http_server, forwarding_headers_count_from_the_trusted_proxy_only) {
    auto lines =
        "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.0.0.3\r\n";
    start();
    auto answer = exchange(get("/", lines));
    EXPECT_NE(answer.body.find("from 127.0.0.1\n"), answer.body.npos);
    EXPECT_EQ(answer.body.find("orwarded"), answer.body.npos) << answer.body;
}

TEST_F(http_server, believes_the_last_hop_that_the_trusted_proxy_names) {
    server_options options;
    options.trusted_proxy = "127.0.0.1";
    options.unauthenticated_per_address_max = 1;
    start(options);
    auto held = connect();
    held.send(get("/", "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"));
    EXPECT_NE(read_answer(held).body.find("from 10.0.0.2\n"), std::string::npos);
    EXPECT_TRUE(body_has("from 10.0.0.3\n", get("/", "X-Forwarded-For: 10.0.0.3\r\n")));
    EXPECT_TRUE(body_has("from 127.0.0.1\n", get("/", "X-Forwarded-For: nonsense\r\n")));
    auto second = exchange(get("/", "X-Forwarded-For: 10.0.0.2\r\n"));
    EXPECT_EQ(second.status, 503) << "its budget is one";
    EXPECT_EQ(log_.take("refused"), "refused 503 10.0.0.2");
}

TEST_F(http_server, a_slow_head_and_a_slow_body_are_408) {
    start(with_request_timeout(50ms));
    auto slow_head = connect();
    slow_head.send("GET / HT");
    EXPECT_EQ(read_answer(slow_head).status, 408);
    EXPECT_EQ(slow_head.receive_all(), "");
    auto slow_body = connect();
    slow_body.send("POST / HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: 5\r\n\r\nhel");
    EXPECT_EQ(read_answer(slow_body).status, 408);
    EXPECT_EQ(slow_body.receive_all(), "");
}

TEST_F(http_server, drips_of_a_head_do_not_win_time) {
    start(with_request_timeout(100ms));
    auto client = connect();
    auto began = std::chrono::steady_clock::now();
    client.send("GET /");
    int sent = 0;
    while (client.send("a") && std::chrono::steady_clock::now() - began < 5s) {
        if (++sent == 60'000) break; // the head would be too large
        std::this_thread::yield();
    }
    auto status = read_answer(client).status;
    EXPECT_TRUE(status == 408 || status == 431 || status == 0) << status;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(http_server, an_idle_connection_is_closed_without_a_word) {
    start(with_request_timeout(50ms));
    auto fresh = connect();
    EXPECT_EQ(fresh.receive_all(), "");
    auto used = connect();
    used.send(get("/"));
    EXPECT_EQ(read_answer(used).status, 200);
    EXPECT_EQ(used.receive_all(), "");
}

TEST_F(http_server, closes_sockets_above_the_budget_until_a_token_was_shown) {
    server_options options;
    options.unauthenticated_per_address_max = 2;
    start(options);
    auto first = connect();
    auto second = connect();
    first.send(get("/"));
    EXPECT_EQ(read_answer(first).status, 200);
    second.send(get("/"));
    EXPECT_EQ(read_answer(second).status, 200);
    EXPECT_EQ(connect().receive_all(), "");
    EXPECT_EQ(log_.take("refused"), "refused 0 127.0.0.1");
    EXPECT_EQ(counts().unauthenticated, 2u);
    first.send(get("/", "Authorization: Bearer good\r\n"));
    EXPECT_EQ(read_answer(first).status, 200);
    EXPECT_EQ(counts().unauthenticated, 1u);
    EXPECT_EQ(exchange(get("/")).status, 200);
}

TEST_F(http_server, stop_lets_answers_end_and_closes_idle_connections) {
    start();
    auto idle = connect();
    idle.send(get("/"));
    EXPECT_EQ(read_answer(idle).status, 200);
    auto streaming = connect();
    streaming.send(get("/endless"));
    EXPECT_NE(streaming.receive_until("begin\n"), "");
    std::thread stopping([this] { stop_server(10s); });
    EXPECT_EQ(idle.receive_all(), "");
    EXPECT_TRUE(streaming.receive_all().ends_with("0\r\n\r\n"));
    stopping.join();
    EXPECT_EQ(counts().http, 0u);
    EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(http_server, stop_cuts_who_does_not_end_in_time) {
    start();
    auto flooded = connect(4096);
    flooded.send(get("/flood"));
    EXPECT_NE(flooded.receive_some(), "");
    stop_server(20ms);
    EXPECT_EQ(counts().http, 0u);
}

TEST_F(http_server, says_why_it_cannot_listen) {
    start();
    auto sentence = [this](std::string listen_host, std::uint16_t port) {
        server_options options;
        options.host = std::move(listen_host);
        options.port = port;
        std::string said;
        on_loop([&] {
            try {
                make_server(loop_, options, application_);
            } catch (std::runtime_error const& failure) {
                said = failure.what();
            }
        });
        return said;
    };
    EXPECT_EQ(
        sentence("127.0.0.1", port_),
        "Another process listens on " + host() + " already; stop it, or choose another address with --listen."
    );
    EXPECT_NE(sentence("nonsense", 1).find("\"nonsense\" is not an IP address"), std::string::npos);
    EXPECT_NE(sentence("203.0.113.7", 1).find("Cannot listen on 203.0.113.7:1: "), std::string::npos);
}

} // namespace gatehouse::app::net::test
