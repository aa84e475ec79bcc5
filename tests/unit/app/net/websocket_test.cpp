#include "tests/unit/app/net/server_fixture.hpp"

namespace gatehouse::app::net::test {

namespace {

using namespace std::chrono_literals;
class websocket_server : public server_fixture {};

} // namespace

TEST_F(websocket_server, echoes_texts_and_answers_a_close) {
    start();
    auto client = open_websocket();
    EXPECT_EQ(log_.take("open"), "open");
    client.send(text("one") + text("two") + text(std::string(70'000, 'x')));
    EXPECT_EQ(read_frame(client).payload, "one");
    EXPECT_EQ(read_frame(client).payload, "two");
    EXPECT_EQ(read_frame(client).payload, std::string(70'000, 'x'));
    client.send(frame(
        0x88, "\x03\xe8"
              "bye"
    ));
    EXPECT_EQ(read_frame(client).close_code(), 1000);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(log_.take("close"), "close 1000 bye");
}

TEST_F(websocket_server, stop_tells_every_peer_and_waits_for_it) {
    start();
    auto client = open_websocket();
    std::thread stopping([this] { stop_server(10s); });
    auto last = read_frame(client);
    EXPECT_EQ(last.close_code(), 1001);
    EXPECT_EQ(last.close_text(), "shutting down");
    client.send(frame(0x88, last.payload));
    EXPECT_EQ(client.receive_all(), "");
    client.shut_down_sending();
    stopping.join();
    EXPECT_EQ(log_.take("close"), "close 1001 shutting down");
}

} // namespace gatehouse::app::net::test
