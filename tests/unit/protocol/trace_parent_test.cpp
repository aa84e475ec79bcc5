#include "protocol/trace_parent.hpp"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(trace_parent, the_example_of_the_specification_is_read) {
    auto const read = parse_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(read->parent_id, "00f067aa0ba902b7");
    EXPECT_TRUE(read->sampled);
    EXPECT_FALSE(parse_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0a")->sampled);
    EXPECT_TRUE(
        parse_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0f-what-is-new")->sampled
    );
}

TEST(trace_parent, anything_else_is_refused) {
    static constexpr std::string_view cases[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-04bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    for (auto const text : cases) EXPECT_FALSE(parse_trace_parent(text)) << text;
}

} // namespace
} // namespace gatehouse
