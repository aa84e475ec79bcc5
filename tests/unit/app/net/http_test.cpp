#include "tests/unit/app/net/server_fixture.hpp"

namespace gatehouse::app::net::test {

namespace {

using namespace std::chrono_literals;
class http_server : public server_fixture {};

} // namespace

TEST_F(http_server, answers_a_request_and_keeps_the_connection) {
    start();
    auto client = connect();
    client.send(get("/echo?a=b+c&d=%2F", "X-One: 1\r\n"));
    auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.head.find("\r\nDate: "), answer.head.npos);
    EXPECT_NE(answer.body.find("GET /echo\n?a=b c\n?d=/\n"), answer.body.npos) << answer.body;
    EXPECT_NE(answer.body.find("x-one: 1\n"), answer.body.npos);
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

} // namespace gatehouse::app::net::test
