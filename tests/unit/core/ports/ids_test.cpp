#include "core/ports/ids.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace gatehouse::core {
namespace {

// Bytes of ones: the largest random part there is.
struct all_ones final : random_source {
    void fill(std::span<std::byte> out) override { std::ranges::fill(out, std::byte{0xff}); }
};

TEST(ids, an_id_is_its_prefix_and_a_ulid_of_the_time) {
    testing::manual_clock clock(from_ms(1469918176385));
    testing::seeded_random random;
    id_source ids(clock, random);
    std::string const id = ids.make("run");
    EXPECT_TRUE(id.starts_with("run_01ARYZ6S41")) << id; // the example of the ULID specification
    EXPECT_EQ(id.size(), 4u + 26u);
    EXPECT_EQ(ids.make().size(), 26u);
    EXPECT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 4), std::string::npos);
}

TEST(ids, ids_sort_in_the_order_they_were_made_even_when_the_clock_stands_or_goes_back) {
    testing::manual_clock clock;
    testing::seeded_random random;
    id_source ids(clock, random);
    std::vector<std::string> made;
    for (int i = 0; i < 3000; ++i) {
        made.push_back(ids.make());
        if (i % 100 == 0) clock.advance(std::chrono::milliseconds(i % 300 == 0 ? -5 : 3));
    }
    EXPECT_TRUE(std::ranges::is_sorted(made));
    EXPECT_EQ(std::ranges::adjacent_find(made), made.end());
}

TEST(ids, counting_up_from_the_largest_random_part_does_not_overflow) {
    testing::manual_clock clock;
    all_ones random;
    id_source ids(clock, random);
    std::string const first = ids.make();
    std::string const second = ids.make();
    EXPECT_LT(first, second);
    EXPECT_EQ(first.substr(0, 10), second.substr(0, 10));
    EXPECT_EQ(second.substr(10), "G000000000000000");
}

TEST(ids, two_sources_make_different_ids_in_the_same_millisecond) {
    testing::manual_clock clock;
    testing::seeded_random random;
    id_source one(clock, random);
    id_source other(clock, random);
    EXPECT_NE(one.make(), other.make());
}

TEST(ids, threads_never_get_the_same_id) {
    testing::manual_clock clock;
    testing::seeded_random random;
    id_source ids(clock, random);
    std::vector<std::vector<std::string>> made(4);
    {
        std::vector<std::jthread> threads;
        for (auto& mine : made) {
            threads.emplace_back([&ids, &mine] {
                for (int i = 0; i < 1000; ++i) mine.push_back(ids.make());
            });
        }
    }
    std::set<std::string> all;
    for (auto const& mine : made) {
        EXPECT_TRUE(std::ranges::is_sorted(mine));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(all.size(), 4000u);
}

} // namespace
} // namespace gatehouse::core
