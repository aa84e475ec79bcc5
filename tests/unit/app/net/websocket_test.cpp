#include "tests/unit/app/net/server_fixture.hpp"

#include <vector>

namespace gatehouse::app::net::test {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

#ifdef NDEBUG
constexpr bool is_optimized = true;
#else
constexpr bool is_optimized = false; // ten times slower, so the biggest attacks are ten times smaller
#endif

class websocket_server : public server_fixture {
  protected:
    // Sends `bytes`, expects this close frame next and then the end.
    void expect_close(std::string const& bytes, std::uint16_t code, std::string const& what = "") {
        SCOPED_TRACE(what);
        auto client = open_websocket();
        client.send(bytes);
        auto last = read_frame(client);
        EXPECT_EQ(last.opcode, 8);
        EXPECT_EQ(last.close_code(), code);
        EXPECT_FALSE(last.close_text().empty());
        EXPECT_EQ(client.receive_all(), "");
        auto told = log_.take("close ");
        EXPECT_EQ(told.substr(0, 10), "close " + std::to_string(code));
    }
};

std::string masked_head(std::uint8_t first, std::uint8_t length, std::string const& wide = "") {
    return std::string{static_cast<char>(first), static_cast<char>(0x80 | length)} + wide +
           "\x12\x34\x56\x78";
}

struct bad_frames {
    std::string name;
    std::string bytes;
    std::uint16_t code;
};

class broken_frames : public websocket_server, public ::testing::WithParamInterface<bad_frames> {};

std::vector<bad_frames> breaks() {
    auto frame = [](std::uint8_t first, std::string_view payload) {
        return server_fixture::frame(first, payload);
    };
    return {
        {"unmasked", "\x81\x02hi", 1002},
        {"unmasked_empty", "\x81\x00"s, 1002},
        {"unmasked_ping", "\x89\x00"s, 1002},
        {"rsv1", frame(0xc1, "hi"), 1002},
        {"rsv2", frame(0xa1, "hi"), 1002},
        {"rsv3", frame(0x91, "hi"), 1002},
        {"rsv1_on_ping", frame(0xc9, "hi"), 1002},
        {"opcode_3", frame(0x83, "hi"), 1002},
        {"opcode_7", frame(0x87, "hi"), 1002},
        {"opcode_11", frame(0x8b, "hi"), 1002},
        {"opcode_15", frame(0x8f, "hi"), 1002},
        {"continuation_of_nothing", frame(0x80, "hi"), 1002},
        {"unfinished_continuation_of_nothing", frame(0x00, "hi"), 1002},
        {"text_within_a_message", frame(0x01, "a") + frame(0x81, "b"), 1002},
        {"binary_within_a_message", frame(0x01, "a") + frame(0x82, "b"), 1002},
        {"fragmented_ping", frame(0x09, "a"), 1002},
        {"ping_of_126_bytes", frame(0x89, std::string(126, 'p')), 1002},
        {"close_of_126_bytes", frame(0x88, std::string(126, 'p')), 1002},
        {"close_of_one_byte", frame(0x88, "\x03"), 1002},
        {"close_with_code_999", frame(0x88, "\x03\xe7"), 1002},
        {"close_with_code_1004", frame(0x88, "\x03\xec"), 1002},
        {"close_with_code_1005", frame(0x88, "\x03\xed"), 1002},
        {"close_with_code_1006", frame(0x88, "\x03\xee"), 1002},
        {"close_with_code_1016", frame(0x88, "\x03\xf8"), 1002},
        {"length_16_bits_where_7_do", masked_head(0x81, 126, "\x00\x02"s) + "hi", 1002},
        {"length_64_bits_where_16_do", masked_head(0x81, 127, "\x00\x00\x00\x00\x00\x00\x00\x02"s) + "hi",
         1002},
        {"length_2_63_minus_1", masked_head(0x81, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"), 1009},
        {"length_2_63", masked_head(0x81, 127, "\x80\x00\x00\x00\x00\x00\x00\x00"s), 1009},
        {"length_2_64_minus_1", masked_head(0x81, 127, "\xff\xff\xff\xff\xff\xff\xff\xff"), 1009},
        {"one_byte_too_large", masked_head(0x81, 127, "\x00\x00\x00\x00\x00\x10\x00\x01"s), 1009},
        {"too_large_in_two_fragments",
         frame(0x01, std::string(600'000, 'a')) + frame(0x80, std::string(600'000, 'a')), 1009},
        {"second_fragment_of_2_63_minus_1",
         frame(0x01, "a") + masked_head(0x80, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"), 1009},
        {"binary", frame(0x82, "hi"), 1003},
        {"empty_binary", frame(0x82, ""), 1003},
        {"binary_in_fragments", frame(0x02, "a") + frame(0x80, "b"), 1003},
        {"lone_continuation_byte", frame(0x81, "\x80"), 1007},
        {"overlong", frame(0x81, "\xc0\xaf"), 1007},
        {"overlong_three", frame(0x81, "\xe0\x80\xaf"), 1007},
        {"surrogate", frame(0x81, "\xed\xa0\x80"), 1007},
        {"above_10ffff", frame(0x81, "\xf4\x90\x80\x80"), 1007},
        {"byte_ff", frame(0x81, "abcdefghijk\xff"), 1007},
        {"cut_character", frame(0x81, "\xce\xba\xe1\xbd"), 1007},
        {"cut_character_after_fragments", frame(0x01, "\xce") + frame(0x80, "\xba\xe1\xbd"), 1007},
        {"surrogate_split_between_fragments", frame(0x01, "\xed") + frame(0x80, "\xa0\x80"), 1007},
        {"not_utf8_in_a_first_fragment", frame(0x01, "a\xff") + frame(0x80, "b"), 1007},
    };
}

} // namespace

TEST_P(broken_frames, end_the_connection_with_the_right_code) {
    start();
    auto client = open_websocket();
    EXPECT_TRUE(client.send(text("before")));
    EXPECT_EQ(read_frame(client).payload, "before");
    client.send(GetParam().bytes);
    client.send(text("after"));
    auto last = read_frame(client);
    EXPECT_EQ(last.opcode, 8) << last.payload;
    EXPECT_EQ(last.close_code(), GetParam().code);
    EXPECT_FALSE(last.close_text().empty());
    EXPECT_EQ(read_frame(client).opcode, -1) << "nothing follows a close frame";
    EXPECT_EQ(log_.take("close").substr(0, 10), "close " + std::to_string(GetParam().code));
}

INSTANTIATE_TEST_SUITE_P(all, broken_frames, ::testing::ValuesIn(breaks()), [](auto const& info) {
    return info.param.name;
});

TEST_F(websocket_server, answers_the_upgrade_with_its_subprotocol_alone) {
    start();
    auto client = connect();
    client.send(
        get("/ws",
            "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
            "Sec-WebSocket-Protocol: gatehouse.bearer.c2VjcmV0, gatehouse.v1\r\n")
    );
    auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 101);
    EXPECT_NE(answer.head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), answer.head.npos)
        << answer.head;
    EXPECT_NE(answer.head.find("Sec-WebSocket-Protocol: gatehouse.v1\r\n"), answer.head.npos);
    EXPECT_EQ(answer.head.find("bearer"), answer.head.npos);
    EXPECT_EQ(answer.head.find("deflate"), answer.head.npos);
}

TEST_F(websocket_server, a_refused_upgrade_is_the_apps_answer_and_the_connection_lives) {
    application_.refuses_upgrades = true;
    start();
    auto client = connect();
    client.send(upgrade_request());
    EXPECT_EQ(read_answer(client).status, 401);
    client.send(get("/next"));
    EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(websocket_server, upgrades_on_other_paths_are_ordinary_requests) {
    start();
    auto request = upgrade_request();
    request.replace(request.find("/ws"), 3, "/wz");
    EXPECT_NE(exchange(request).body.find("GET /wz"), std::string::npos);
}

TEST_F(websocket_server, echoes_texts_and_answers_a_close) {
    start();
    auto client = open_websocket();
    EXPECT_EQ(log_.take("open"), "open");
    client.send(
        text("one") + text("") + text("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x8c\x8d")
    );
    EXPECT_EQ(read_frame(client).payload, "one");
    EXPECT_EQ(read_frame(client).payload, "");
    EXPECT_EQ(read_frame(client).payload, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x8c\x8d");
    client.send(frame(
        0x88, "\x03\xe8"
              "bye"
    ));
    auto answer = read_frame(client);
    EXPECT_EQ(answer.close_code(), 1000);
    EXPECT_EQ(answer.close_text(), "bye");
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(log_.take("close"), "close 1000 bye");
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.websocket == 0 && now.unauthenticated == 0; }
    ));
}

TEST_F(websocket_server, answers_a_close_without_a_code) {
    start();
    auto client = open_websocket();
    client.send(frame(0x88, ""));
    auto answer = read_frame(client);
    EXPECT_EQ(answer.close_code(), 1000);
    EXPECT_EQ(answer.close_text(), "closed by the peer");
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(log_.take("close"), "close 1005 ");
}

TEST_F(websocket_server, takes_messages_of_every_size_up_to_the_limit) {
    start();
    auto client = open_websocket();
    for (std::size_t size : {1, 7, 8, 9, 125, 126, 127, 1536, 65'535, 65'536, 65'537, 200'000, 1 << 20}) {
        std::string payload(size, 'a');
        for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>('a' + i % 26);
        client.send(text(payload));
        EXPECT_EQ(read_frame(client).payload, payload) << size;
    }
}

TEST_F(websocket_server, takes_frames_that_come_byte_by_byte) {
    start();
    auto client = open_websocket();
    for (char c : text("drop by drop") + frame(0x01, "a") + frame(0x89, "p") + frame(0x80, "b"))
        client.send({&c, 1});
    EXPECT_EQ(read_frame(client).payload, "drop by drop");
    EXPECT_EQ(read_frame(client).opcode, 10);
    EXPECT_EQ(read_frame(client).payload, "ab");
}

TEST_F(websocket_server, joins_fragments_around_control_frames) {
    start();
    auto client = open_websocket();
    client.send(
        frame(0x01, "\xce") + frame(0x89, "one") + frame(0x00, "") + frame(0x8a, "unasked") +
        frame(0x80, "\xba")
    );
    auto pong = read_frame(client);
    EXPECT_EQ(pong.opcode, 10);
    EXPECT_EQ(pong.payload, "one");
    EXPECT_EQ(read_frame(client).payload, "\xce\xba");
    client.send(text("whole") + frame(0x01, "in ") + frame(0x80, "two") + text("whole again"));
    EXPECT_EQ(read_frame(client).payload, "whole");
    EXPECT_EQ(read_frame(client).payload, "in two");
    EXPECT_EQ(read_frame(client).payload, "whole again");
}

TEST_F(websocket_server, answers_pings_of_every_size) {
    start();
    auto client = open_websocket();
    for (std::size_t size : {0, 1, 125}) {
        client.send(frame(0x89, std::string(size, 'p')));
        auto pong = read_frame(client);
        EXPECT_EQ(pong.opcode, 10);
        EXPECT_EQ(pong.payload.size(), size);
    }
}

TEST_F(websocket_server, a_million_fragments_of_one_byte_are_one_message) {
    server_options options;
    options.handshake_timeout = 60s; // not what this is about
    start(options);
    int const fragments_sent = is_optimized ? 1'000'000 : 100'000;
    auto client = open_websocket();
    std::string fragments = frame(0x01, "a");
    std::string one = frame(0x00, "a");
    for (int i = 2; i < fragments_sent; ++i) fragments += one;
    fragments += frame(0x80, "a");
    std::thread sending([&] { client.send(fragments); });
    auto message = read_frame(client);
    sending.join();
    EXPECT_EQ(message.payload.size(), static_cast<std::size_t>(fragments_sent))
        << message.opcode << message.close_text();
}

TEST_F(websocket_server, fragments_above_the_limit_end_it) {
    server_options options;
    options.max_frame_bytes = 1000;
    start(options);
    std::string fragments = frame(0x01, "a");
    for (int i = 0; i < 1001; ++i) fragments += frame(0x00, "a");
    expect_close(fragments, 1009);
}

TEST_F(websocket_server, floods_that_bring_nothing_are_ended) {
    start();
    std::string pings;
    std::string pongs;
    std::string empty = frame(0x01, "");
    for (int i = 0; i < 1000; ++i) {
        pings += frame(0x89, "");
        pongs += frame(0x8a, "");
        empty += frame(0x00, "");
    }
    for (auto const& flood : {pongs, empty}) expect_close(flood, 1008);
    auto client = open_websocket();
    client.send(pings);
    int answered = 0;
    auto next = read_frame(client);
    for (; next.opcode == 10; next = read_frame(client)) ++answered;
    EXPECT_EQ(next.close_code(), 1008);
    EXPECT_LT(answered, 1000);
}

TEST_F(websocket_server, one_who_sends_without_pause_does_not_starve_the_others) {
    start();
    auto busy = open_websocket();
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += text("x");
    std::thread sending([&] { busy.send(many); });
    auto other = open_websocket();
    other.send(text("me too"));
    EXPECT_EQ(read_frame(other).payload, "me too");
    for (int i = 0; i < 20'000; ++i) ASSERT_EQ(read_frame(busy).payload, "x");
    sending.join();
}

TEST_F(websocket_server, the_app_closes_with_code_and_text) {
    start();
    auto client = open_websocket();
    client.send(text("first") + text("close") + text("ignored"));
    EXPECT_EQ(read_frame(client).payload, "first");
    auto last = read_frame(client);
    EXPECT_EQ(last.close_code(), 4401);
    EXPECT_EQ(last.close_text(), "as asked");
    client.send(text("ignored too") + frame(0x88, last.payload));
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(log_.take("close"), "close 4401 as asked");
}

TEST_F(websocket_server, who_does_not_answer_a_close_is_cut) {
    start();
    auto client = open_websocket();
    client.send(text("close"));
    EXPECT_EQ(read_frame(client).close_code(), 4401);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.websocket == 0; }));
}

TEST_F(websocket_server, a_session_that_throws_is_closed_with_1011) {
    start();
    expect_close(text("throw"), 1011);
}

TEST_F(websocket_server, a_peer_that_vanishes_ends_its_session) {
    start();
    {
        auto gone = open_websocket();
        gone.send(text("x"));
        EXPECT_EQ(read_frame(gone).payload, "x");
    }
    EXPECT_EQ(log_.take("close"), "close 1006 connection lost");
    auto reset = open_websocket();
    reset.close_with_reset();
    EXPECT_EQ(log_.take("close"), "close 1006 connection lost");
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.websocket == 0; }));
}

TEST_F(websocket_server, who_does_not_authenticate_in_time_is_closed) {
    server_options options;
    options.handshake_timeout = 100ms;
    start(options);
    auto honest = open_websocket();
    honest.send(text("authenticate"));
    EXPECT_EQ(read_frame(honest).payload, "authenticate");
    auto silent = open_websocket();
    auto last = read_frame(silent);
    EXPECT_EQ(last.close_code(), 4408);
    EXPECT_EQ(last.close_text(), "handshake time-out");
    honest.send(text("still here"));
    EXPECT_EQ(read_frame(honest).payload, "still here");
}

TEST_F(websocket_server, leaves_the_budget_when_it_is_authenticated) {
    server_options options;
    options.unauthenticated_per_address_max = 1;
    start(options);
    auto first = open_websocket();
    EXPECT_EQ(counts().unauthenticated, 1u);
    EXPECT_EQ(connect().receive_all(), "");
    first.send(text("authenticate"));
    EXPECT_EQ(read_frame(first).payload, "authenticate");
    auto second = open_websocket();
    EXPECT_EQ(counts().unauthenticated, 1u);
    EXPECT_EQ(counts().websocket, 2u);
}

TEST_F(websocket_server, sockets_of_one_address_do_not_keep_out_another) {
    start();
    std::vector<raw_client> crowd;
    for (int i = 0; i < 300; ++i) {
        crowd.push_back(connect());
        crowd.back().send(i % 2 == 0 ? upgrade_request() : "GET / HT");
    }
    EXPECT_EQ(log_.take("refused"), "refused 0 127.0.0.1");
    EXPECT_EQ(crowd.back().receive_all(), "");
    raw_client honest(port_, 0, "127.0.0.2");
    honest.send(upgrade_request());
    EXPECT_EQ(read_answer(honest).status, 101);
    honest.send(text("hello"));
    EXPECT_EQ(read_frame(honest).payload, "hello");
}

TEST_F(websocket_server, pings_a_quiet_peer_and_closes_a_silent_one) {
    server_options options;
    options.heartbeat = 80ms;
    start(options);
    auto client = open_websocket();
    for (int i = 0; i < 4; ++i) {
        auto ping = read_frame(client);
        EXPECT_EQ(ping.opcode, 9);
        client.send(frame(0x8a, ping.payload));
    }
    EXPECT_EQ(read_frame(client).opcode, 9);
    auto last = read_frame(client);
    EXPECT_EQ(last.close_code(), 4408);
    EXPECT_EQ(last.close_text(), "heartbeat time-out");
}

TEST_F(websocket_server, a_slow_reader_is_closed_with_1013_and_what_was_begun_stays_whole) {
    server_options options;
    options.outbound_bytes_max = 200'000;
    start(options);
    auto client = open_websocket(4096);
    client.send(text("flood 40000"));
    EXPECT_EQ(log_.take("close"), "close 1013 slow reader: too much is waiting to be read");
    EXPECT_LT(std::stoul(log_.take("queued").substr(7)), 200'000u) << "what nobody will read is freed";
    // What the kernel took before is still on its way, then the close frame.
    int messages = 0;
    auto next = read_frame(client);
    for (; next.opcode == 1; next = read_frame(client)) {
        ASSERT_EQ(next.payload.size(), 1000u);
        ++messages;
    }
    EXPECT_LT(messages, 40'000);
    EXPECT_EQ(next.close_code(), 1013);
}

TEST_F(websocket_server, a_slow_reader_that_never_reads_is_cut) {
    server_options options;
    options.outbound_bytes_max = 200'000;
    start(options);
    auto client = open_websocket(4096);
    client.send(text("flood 40000"));
    EXPECT_EQ(log_.take("close").substr(0, 10), "close 1013");
    EXPECT_TRUE(wait_for_counts([](auto const& now) { return now.websocket == 0; }));
}

TEST_F(websocket_server, a_burst_within_one_turn_is_no_slow_reader) {
    server_options options;
    options.outbound_bytes_max = 200'000;
    start(options);
    auto client = open_websocket();
    std::thread asking([&] { client.send(text("flood 2000")); });
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(read_frame(client).payload.size(), 1000u) << i;
    asking.join();
}

TEST_F(websocket_server, ephemeral_messages_are_dropped_before_a_slow_reader_is_closed) {
    server_options options;
    options.outbound_bytes_max = 400'000;
    start(options);
    auto client = open_websocket(4096);
    client.send(text("ephemeral 40000") + text("last"));
    auto queued = std::stoul(log_.take("queued").substr(7));
    EXPECT_LE(queued, 102'000u);
    std::string last;
    int messages = 0;
    for (auto next = read_frame(client); next.opcode == 1; next = read_frame(client), ++messages) {
        last = next.payload;
        if (last == "last") break;
    }
    EXPECT_EQ(last, "last");
    EXPECT_LT(messages, 40'000);
}

TEST_F(websocket_server, frozen_it_neither_reads_nor_writes) {
    server_options options;
    options.heartbeat = 50ms;
    start(options);
    auto client = open_websocket();
    client.send(text("before"));
    EXPECT_EQ(read_frame(client).payload, "before");
    on_loop([this] { server_->freeze(true); });
    client.send(text("one") + frame(0x01, "t") + frame(0x80, "wo"));
    auto other = connect();
    other.send(get("/"));
    EXPECT_EQ(read_answer(other).status, 200) << "HTTP goes on";
    on_loop([this] { server_->freeze(false); });
    auto next = read_frame(client);
    while (next.opcode == 9) next = read_frame(client);
    EXPECT_EQ(next.payload, "one");
    EXPECT_EQ(read_frame(client).payload, "two");
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
