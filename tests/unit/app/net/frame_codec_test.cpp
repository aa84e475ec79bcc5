#include "app/net/frame_codec.hpp"

#include "app/net/outbound_buffer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::app::net {

namespace {

using namespace std::string_literals;

std::string payload_of(std::string_view frame) {
    auto head = parse_frame_head(frame);
    return std::string(frame.substr(head->head_bytes));
}

} // namespace

TEST(frame_codec, what_is_appended_is_parsed_the_same) {
    for (std::size_t size : {0, 1, 125, 126, 127, 65'535, 65'536}) {
        std::string frame;
        append_frame(frame, frame_opcode::text, std::string(size, 'x'));
        auto head = parse_frame_head(frame);
        ASSERT_TRUE(head) << size;
        EXPECT_TRUE(head->fin);
        EXPECT_FALSE(head->masked);
        EXPECT_TRUE(head->is_shortest);
        EXPECT_EQ(head->opcode, 1);
        EXPECT_EQ(head->payload_bytes, size);
        EXPECT_EQ(frame.size(), head->head_bytes + size);
        for (std::size_t cut = 0; cut < head->head_bytes; ++cut) {
            EXPECT_FALSE(parse_frame_head(std::string_view(frame).substr(0, cut)));
        }
    }
}

TEST(frame_codec, a_close_text_is_cut_between_characters) {
    std::string frame;
    append_close_frame(frame, 4408, std::string(121, 'a') + "\xe2\x82\xac");
    EXPECT_EQ(payload_of(frame), "\x11\x38" + std::string(121, 'a'));
    frame.clear();
    append_close_frame(frame, 1000, std::string(120, 'a') + "\xe2\x82\xac" + "b");
    EXPECT_EQ(payload_of(frame), "\x03\xe8" + std::string(120, 'a') + "\xe2\x82\xac");
}

TEST(frame_codec, unmasking_works_at_every_length) {
    std::array<char, 4> mask{1, 2, 3, 4};
    for (std::size_t size = 0; size < 20; ++size) {
        std::string text(size, 'a');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' ^ mask[i % 4]);
        unmask(text, mask);
        EXPECT_EQ(text, std::string(size, 'a'));
    }
}

TEST(frame_codec, utf8_is_judged_at_every_offset) {
    struct row {
        std::string text;
        bool good;
    };
    for (row const& each : {
             row{"", true},
             row{"a", true},
             row{"\xc2\x80", true},
             row{"\xdf\xbf", true},
             row{"\xe0\xa0\x80", true},
             row{"\xed\x9f\xbf", true},
             row{"\xee\x80\x80", true},
             row{"\xf0\x90\x80\x80", true},
             row{"\xf4\x8f\xbf\xbf", true},
             row{"\0"s, true},
             row{"\x80", false},
             row{"\xc0\x80", false},
             row{"\xc1\xbf", false},
             row{"\xc2", false},
             row{"\xe0\x9f\xbf", false},
             row{"\xed\xa0\x80", false},
             row{"\xe2\x82", false},
             row{"\xf0\x8f\xbf\xbf", false},
             row{"\xf4\x90\x80\x80", false},
             row{"\xf5", false},
             row{"\xff", false},
             row{"\xc2\xc2\x80", false},
             row{"\xf0\x90\x80", false},
         }) {
        for (std::size_t before = 0; before < 10; ++before) {
            EXPECT_EQ(is_utf8(std::string(before, 'x') + each.text), each.good) << before << " " << each.text;
            EXPECT_EQ(is_utf8(std::string(before, 'x') + each.text + "tail of it"), each.good)
                << before << " " << each.text;
        }
    }
}

TEST(frame_scanner, finds_the_ends_of_frames_however_the_bytes_come) {
    std::string frames;
    append_frame(frames, frame_opcode::text, "one");
    append_frame(frames, frame_opcode::ping, "");
    append_frame(frames, frame_opcode::text, std::string(300, 'x'));
    for (std::size_t step : {1, 2, 3, 5, 1000}) {
        frame_scanner scanner;
        std::string_view rest(frames);
        int ends = 0;
        while (!rest.empty()) {
            auto passed = scanner.advance(rest, step);
            ASSERT_GT(passed, 0u);
            ASSERT_LE(passed, step);
            rest.remove_prefix(passed);
            if (scanner.at_frame_start()) ++ends;
        }
        EXPECT_EQ(ends, 3);
        EXPECT_TRUE(scanner.between_messages());
        EXPECT_EQ(scanner.unproductive_frames(), 1u);
    }
}

TEST(frame_scanner, a_message_is_open_until_its_last_fragment) {
    frame_scanner scanner;
    auto pass = [&](std::string const& bytes) {
        EXPECT_EQ(scanner.advance(bytes, bytes.size()), bytes.size());
    };
    pass("\x01\x01"s + "a");
    EXPECT_FALSE(scanner.between_messages());
    pass("\x89\x00"s);
    EXPECT_FALSE(scanner.between_messages());
    pass("\x00\x00"s);
    EXPECT_EQ(scanner.unproductive_frames(), 2u);
    pass("\x80\x01"s + "b");
    EXPECT_TRUE(scanner.between_messages());
}

TEST(outbound_buffer, forgets_what_was_not_begun_and_keeps_what_was) {
    for (std::size_t sent : {0, 3, 4, 5, 9, 10, 11, 12, 15}) {
        outbound_buffer out;
        out.append_handshake("head");           // ends at 4
        out.append(frame_opcode::text, "four"); // ends at 10
        out.append(frame_opcode::text, "end");  // ends at 15
        out.sent(sent);
        out.drop_unstarted();
        std::size_t boundary = sent <= 4 ? 4 : sent <= 10 ? 10 : 15;
        EXPECT_EQ(out.size(), boundary - sent) << sent;
        out.append_close(1013, "");
        EXPECT_TRUE(out.unsent().ends_with("\x88\x02\x03\xf5"));
    }
}

TEST(outbound_buffer, knows_its_frames_after_sent_bytes_were_moved_out) {
    outbound_buffer out;
    std::string const payload(100'000, 'x');
    for (int i = 0; i < 30; ++i) out.append(frame_opcode::text, payload);
    std::size_t const frame_bytes = payload.size() + 10;
    out.sent(frame_bytes * 20 + 7); // over a megabyte and more than half: moved
    EXPECT_EQ(out.size(), frame_bytes * 10 - 7);
    out.drop_unstarted();
    EXPECT_EQ(out.size(), frame_bytes - 7);
    out.sent(out.size());
    EXPECT_TRUE(out.empty());
}

} // namespace gatehouse::app::net
