#include "app/models/sse_reader.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app::models {
namespace {

std::vector<std::string> data_of(std::vector<sse_event> const& events) {
    std::vector<std::string> all;
    for (auto const& each : events) all.push_back(each.data);
    return all;
}

std::vector<std::string> read_in_pieces_of(std::size_t size, std::string_view text) {
    sse_reader reader(1024);
    std::vector<sse_event> events;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size())))
        EXPECT_TRUE(reader.feed(text.substr(0, size), events));
    EXPECT_TRUE(reader.finish(events));
    return data_of(events);
}

struct sse_case {
    std::string_view name;
    std::string_view text;
    std::vector<std::string> data;
};

TEST(sse_reader, events_are_the_same_however_the_bytes_are_cut) {
    std::vector<sse_case> const cases{
        {"line feeds", "data: a\n\ndata: b\n\n", {"a", "b"}},
        {"carriage returns", "data: a\r\rdata: b\r\r", {"a", "b"}},
        {"both", "data: a\r\n\r\ndata: b\r\n\r\n", {"a", "b"}},
        {"several data lines are one event", "data: a\ndata: b\n\n", {"a\nb"}},
        {"comments and unknown fields mean nothing", ": keep-alive\nfoo: bar\ndata:a\n\n", {"a"}},
        {"one space after the colon is dropped", "data:  a\n\n", {" a"}},
        {"a field without a colon has no value", "data\n\n", {""}},
        {"events without data are dropped", "event: x\n\ndata: a\n\n", {"a"}},
        {"a byte order mark is dropped",
         "\xEF\xBB\xBF"
         "data: a\n\n",
         {"a"}},
        {"the last blank line may be missing", "data: a\n\ndata: b", {"a", "b"}},
    };
    for (auto const& each : cases)
        for (std::size_t size = 1; size <= each.text.size(); ++size)
            EXPECT_EQ(read_in_pieces_of(size, each.text), each.data) << each.name << " in pieces of " << size;
}

TEST(sse_reader, type_lasts_for_one_event_and_id_until_the_next_one) {
    sse_reader reader(1024);
    std::vector<sse_event> events;
    ASSERT_TRUE(reader.feed("event: x\nid: 7\ndata: a\n\ndata: b\n\nid: 8\ndata: c\n\n", events));
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].type, "x");
    EXPECT_EQ(events[1].type, "message");
    EXPECT_EQ(events[1].id, "7");
    EXPECT_EQ(events[2].id, "8");
}

TEST(sse_reader, a_line_or_an_event_over_the_bound_ends_the_reading) {
    for (std::string const& text :
         {"data: " + std::string(100, 'x'),
          "data: " + std::string(40, 'x') + "\ndata: " + std::string(40, 'x') + "\n\n"}) {
        sse_reader reader(64);
        std::vector<sse_event> events;
        EXPECT_FALSE(reader.feed(text, events));
        EXPECT_FALSE(reader.feed("data: a\n\n", events));
        EXPECT_FALSE(reader.finish(events));
        EXPECT_TRUE(events.empty());
    }
}

} // namespace
} // namespace gatehouse::app::models
