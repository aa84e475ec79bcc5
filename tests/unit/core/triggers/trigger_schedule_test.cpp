#include "core/triggers/trigger_schedule.hpp"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

timestamp at(std::int64_t ms) { return from_ms(1'700'000'000'000 + ms); }

trigger every(std::int64_t ms) {
    trigger t;
    t.every_ms = ms;
    return t;
}
trigger by(std::string cron) {
    trigger t;
    t.kind = trigger_kind::cron;
    t.cron = std::move(cron);
    return t;
}

TEST(trigger_schedule_test, intervals_count_on_from_a_slot_they_have) {
    auto schedule = *trigger_schedule::make(every(1'500));
    EXPECT_EQ(schedule.next(at(0), at(0)), at(1'500));
    EXPECT_EQ(schedule.next(at(1'499), at(0)), at(1'500));
    EXPECT_EQ(schedule.next(at(1'500), at(0)), at(3'000));
    EXPECT_EQ(schedule.next(at(100'000), at(0)), at(100'500));
    EXPECT_EQ(schedule.next(at(-5'000), at(0)), at(0));
}

TEST(trigger_schedule_test, a_hook_has_no_slots) {
    trigger hook;
    hook.kind = trigger_kind::hook;
    auto schedule = *trigger_schedule::make(hook);
    EXPECT_EQ(schedule.next(at(0), at(0)), std::nullopt);
}

TEST(trigger_schedule_test, the_newest_slots_of_a_span_are_found) {
    auto schedule = *trigger_schedule::make(every(1'000));
    EXPECT_EQ(schedule.newest(at(0), at(-1), 10), std::vector<timestamp>{});
    EXPECT_EQ(schedule.newest(at(0), at(0), 10), std::vector{at(0)});
    EXPECT_EQ(schedule.newest(at(0), at(2'999), 10), (std::vector{at(0), at(1'000), at(2'000)}));
    EXPECT_EQ(schedule.newest(at(0), at(3'000), 3), (std::vector{at(1'000), at(2'000), at(3'000)}));
}

TEST(trigger_schedule_test, years_of_seconds_are_cut_to_the_newest_without_walking_through_them) {
    auto first = at(0);
    auto last = first + std::chrono::years(5);
    for (auto const& t : {every(1'000), by("* * * * * *"), by("* * * 1 1 *")}) {
        auto schedule = *trigger_schedule::make(t);
        auto start = *schedule.next(first, first);
        auto newest = schedule.newest(start, last, 1'000);
        ASSERT_EQ(newest.size(), 1'000);
        EXPECT_LE(newest.back(), last);
        EXPECT_GT(*schedule.next(newest.back(), start), last);
        for (std::size_t i = 1; i < newest.size(); ++i)
            EXPECT_EQ(schedule.next(newest[i - 1], start), newest[i]);
    }
}

} // namespace
} // namespace gatehouse::core
