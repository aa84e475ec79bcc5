#include "core/events/cursor.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gatehouse::core {
namespace {

TEST(cursor_test, what_is_encoded_is_decoded) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    for (auto const& c : {cursor{1, 0}, cursor{1, 1}, cursor{7, 123456789}, cursor{most, most}}) {
        auto const back = decode_cursor(encode_cursor(c));
        ASSERT_TRUE(back) << encode_cursor(c);
        EXPECT_EQ(back->epoch, c.epoch);
        EXPECT_EQ(back->seq, c.seq);
    }
    EXPECT_EQ(encode_cursor({3, 42}), "c3.42");
}

TEST(cursor_test, what_was_not_encoded_is_refused) {
    for (auto const* text :
         {"",
          "c",
          "c1",
          "c1.",
          "c.1",
          "1.1",
          "C1.1",
          "c1.1 ",
          " c1.1",
          "c1.1.1",
          "c01.1",
          "c1.01",
          "c1.+1",
          "c-1.1",
          "c1.-1",
          "c1,1",
          "c1.1x",
          "c0x1.1",
          "c1.99999999999999999999",
          "c99999999999999999999.1",
          "c1.1e3",
          "c1.१"}) {
        EXPECT_FALSE(decode_cursor(text)) << "'" << text << "'";
    }
    EXPECT_FALSE(decode_cursor(std::string_view("c1.1\0", 5)));
}

} // namespace
} // namespace gatehouse::core
