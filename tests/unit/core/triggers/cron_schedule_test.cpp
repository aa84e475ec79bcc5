#include "core/triggers/cron_schedule.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::core {
namespace {

using strings = std::vector<std::string>;

timestamp utc(std::string const& text) { return *parse_timestamp(text); }

// The first `count` slots after `after`, as far as there are any.
strings slots(std::string const& cron, std::string const& zone, std::string const& after, std::size_t count) {
    auto schedule = cron_schedule::make(cron, zone);
    if (!schedule) return {schedule.error().message};
    strings found;
    for (auto slot = schedule->next(utc(after)); slot && found.size() < count; slot = schedule->next(*slot))
        found.push_back(format_timestamp(*slot).substr(0, 19));
    return found;
}

struct slots_case {
    char const* what;
    char const* cron;
    char const* zone;
    char const* after;
    strings expected;
};

void expect_slots(std::vector<slots_case> const& cases) {
    for (auto const& each : cases) {
        SCOPED_TRACE(each.what);
        EXPECT_EQ(slots(each.cron, each.zone, each.after, each.expected.size()), each.expected);
    }
}

TEST(cron_schedule_test, slots_are_those_of_the_expression) {
    std::vector<slots_case> const cases{
        {"every minute", "* * * * *", "UTC", "2026-01-01T00:00:30Z", {"2026-01-01T00:01:00"}},
        {"a slot is after, never at", "* * * * *", "UTC", "2026-01-01T00:01:00Z", {"2026-01-01T00:02:00"}},
        {"every second", "* * * * * *", "UTC", "2026-01-01T00:00:59.500Z", {"2026-01-01T00:01:00"}},
        {"seconds first",
         "10,40 0 12 * * *",
         "UTC",
         "2026-01-01T12:00:10Z",
         {"2026-01-01T12:00:40", "2026-01-02T12:00:10"}},
        {"steps",
         "*/20 6 * * *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T06:00:00", "2026-01-01T06:20:00", "2026-01-01T06:40:00", "2026-01-02T06:00:00"}},
        {"a step beyond the end",
         "0 0 */2147483647 * *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-02-01T00:00:00", "2026-03-01T00:00:00"}},
        {"a number with a step goes to the end",
         "50/5 6 * * *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T06:50:00", "2026-01-01T06:55:00", "2026-01-02T06:50:00"}},
        {"a range with a step",
         "0 8-16/4 * * *",
         "UTC",
         "2026-01-01T09:00:00Z",
         {"2026-01-01T12:00:00", "2026-01-01T16:00:00", "2026-01-02T08:00:00"}},
        {"names",
         "0 9 * jan,MAR Mon-Fri",
         "UTC",
         "2026-01-30T10:00:00Z",
         {"2026-03-02T09:00:00", "2026-03-03T09:00:00"}},
        {"7 is Sunday too", "0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00"}},
        {"a range to 7",
         "0 0 * * 6-7",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-03T00:00:00", "2026-01-04T00:00:00"}},
        {"question marks", "0 0 0 ? * 1", "UTC", "2026-01-01T00:00:00Z", {"2026-01-05T00:00:00"}},
        {"both day fields: either",
         "0 0 13 * FRI",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-02T00:00:00", "2026-01-09T00:00:00", "2026-01-13T00:00:00", "2026-01-16T00:00:00"}},
        {"a starred step restricts with the other",
         "0 0 */2 * FRI",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-09T00:00:00", "2026-01-23T00:00:00"}},
        {"29 February",
         "0 0 29 2 *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2028-02-29T00:00:00", "2032-02-29T00:00:00"}},
        {"29 February over a century", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00"}},
        {"31st", "0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", {"2026-03-31T00:00:00", "2026-05-31T00:00:00"}},
        {"the year's end",
         "59 59 23 31 12 *",
         "UTC",
         "2026-12-31T23:59:58Z",
         {"2026-12-31T23:59:59", "2027-12-31T23:59:59"}},
        {"the year's start in another zone",
         "0 0 1 1 *",
         "Europe/Berlin",
         "2026-06-01T00:00:00Z",
         {"2026-12-31T23:00:00"}},
        {"blanks and tabs", " 0\t12  * * * ", "UTC", "2026-01-01T00:00:00Z", {"2026-01-01T12:00:00"}},
    };
    expect_slots(cases);
}

// Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. New York: 2026-03-08 and
// 2026-11-01, at 02:00. Lord Howe moves by half an hour, 2026-10-04 and 2026-04-05, at 02:00.
TEST(cron_schedule_test, fixed_hours_follow_the_wall_clock_over_a_change_of_the_zone) {
    std::vector<slots_case> const cases{
        {"an hour that is skipped",
         "30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T00:00:00Z",
         {"2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"}},
        {"every minute of it is one slot",
         "* 2 29 3 *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00", "2027-03-29T00:00:00"}},
        {"it is the slot that is due right after, too",
         "0,30 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00", "2026-03-29T01:30:00", "2026-03-30T00:00:00"}},
        {"an hour that comes twice",
         "30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00", "2026-10-26T01:30:00"}},
        {"asked between the two",
         "30 2 * * *",
         "Europe/Berlin",
         "2026-10-25T00:30:00Z",
         {"2026-10-26T01:30:00"}},
        {"asked in the second one",
         "*/30 2 * * *",
         "Europe/Berlin",
         "2026-10-25T01:10:00Z",
         {"2026-10-26T01:00:00"}},
        {"New York skips",
         "15 2 * * *",
         "America/New_York",
         "2026-03-07T12:00:00Z",
         {"2026-03-08T07:00:00", "2026-03-09T06:15:00"}},
        {"New York repeats",
         "15 1 * * *",
         "America/New_York",
         "2026-10-31T12:00:00Z",
         {"2026-11-01T05:15:00", "2026-11-02T06:15:00"}},
        {"Lord Howe skips half an hour",
         "15,45 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T12:00:00Z",
         {"2026-10-03T15:30:00", "2026-10-03T15:45:00", "2026-10-04T15:15:00"}},
        {"Lord Howe repeats half an hour",
         "45 1 * * *",
         "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00", "2026-04-05T15:15:00"}},
        {"a day that Apia never had",
         "0 12 * * *",
         "Pacific/Apia",
         "2011-12-29T23:00:00Z",
         {"2011-12-30T10:00:00", "2011-12-30T22:00:00"}},
    };
    expect_slots(cases);
}

TEST(cron_schedule_test, a_rhythm_runs_in_real_time_over_a_change_of_the_zone) {
    std::vector<slots_case> const cases{
        {"the skipped hour is no time at all",
         "30 * * * *",
         "Europe/Berlin",
         "2026-03-29T00:00:00Z",
         {"2026-03-29T00:30:00", "2026-03-29T01:30:00"}},
        {"the repeated hour counts twice",
         "30 * * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"}},
        {"steps leave the skipped hour out",
         "0 */2 * * *",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-29T02:00:00"}},
        {"steps meet the repeated hour twice",
         "0 */2 * * *",
         "Europe/Berlin",
         "2026-10-24T22:00:00Z",
         {"2026-10-25T00:00:00", "2026-10-25T01:00:00", "2026-10-25T03:00:00"}},
        {"half an hour in Lord Howe",
         "*/15 * * * *",
         "Australia/Lord_Howe",
         "2026-04-04T14:30:00Z",
         {"2026-04-04T14:45:00", "2026-04-04T15:00:00", "2026-04-04T15:15:00", "2026-04-04T15:30:00"}},
    };
    expect_slots(cases);
}

TEST(cron_schedule_test, what_is_never_due_has_no_slot) {
    for (auto const* cron : {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 */2 */9", "0 * 30 2 *"}) {
        SCOPED_TRACE(cron);
        auto schedule = cron_schedule::make(cron, "Europe/Berlin");
        ASSERT_TRUE(schedule) << schedule.error().message;
        auto slot = schedule->next(utc("2026-01-01T00:00:00Z"));
        EXPECT_EQ(slot.has_value(), std::string(cron) == "0 0 31 */2 */9");
    }
}

TEST(cron_schedule_test, an_expression_that_is_none_is_refused_with_the_field) {
    std::vector<std::pair<std::string, std::string>> const cases{
        {"", "it has 0 fields"},
        {"* * * *", "it has 4 fields"},
        {"* * * * * * *", "it has 7 fields"},
        {"60 * * * *", "the minute 60 is not from 0 to 59"},
        {"60 * * * * *", "the second 60 is not from 0 to 59"},
        {"* 24 * * *", "the hour 24 is not from 0 to 23"},
        {"* * 0 * *", "the day of month 0 is not from 1 to 31"},
        {"* * * 13 *", "the month 13 is not from 1 to 12"},
        {"* * * * 8", "the day of week 8 is not from 0 to 7"},
        {"*/0 * * * *", "the minute's step '/0'"},
        {"*/ * * * *", "the minute's step '/'"},
        {"*/-1 * * * *", "the minute's step '/-1'"},
        {"1//2 * * * *", "the minute's step '//2'"},
        {"5-1 * * * *", "the minute range 5-1 runs backwards"},
        {"1-2-3 * * * *", "the minute '2-3' is not a number"},
        {"1, * * * *", "the minute has an empty element"},
        {"-1 * * * *", "the minute '' is not a number"},
        {"+1 * * * *", "the minute '+1' is not a number"},
        {"? * * * *", "the minute '?' is not a number"},
        {"99999999999 * * * *", "the minute '99999999999' is not a number"},
        {"* * * MON *", "the month 'MON' is not a number"},
        {"* * * * JAN", "the day of week 'JAN' is not a number"},
        {"@daily", "it has 1 fields"},
        {"1.5 * * * *", "the minute '1.5' is not a number"},
        {"* * L * *", "the day of month 'L' is not a number"},
    };
    for (auto const& [cron, why] : cases) {
        SCOPED_TRACE(cron);
        auto made = cron_schedule::make(cron, "UTC");
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, errc::invalid_params);
        EXPECT_TRUE(made.error().message.starts_with("cron: ")) << made.error().message;
        EXPECT_NE(made.error().message.find(why), std::string::npos) << made.error().message;
    }
}

TEST(cron_schedule_test, a_zone_that_is_none_is_refused) {
    for (auto const* zone :
         {"Berlin", "europe/berlin", "../../etc/passwd", "right/UTC", "UTC+1", "", "\x01"}) {
        SCOPED_TRACE(zone);
        auto made = cron_schedule::make("0 0 * * *", zone);
        ASSERT_FALSE(made);
        EXPECT_TRUE(made.error().message.starts_with("time_zone: ")) << made.error().message;
    }
    for (auto const* zone :
         {"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern"})
        EXPECT_TRUE(cron_schedule::make("0 0 * * *", zone)) << zone;
}

// Every expression agrees with the slow way: look at each minute of two days around a change of the zone.
TEST(cron_schedule_test, a_rhythm_is_every_instant_whose_wall_clock_matches) {
    auto schedule = *cron_schedule::make("*/7 */5 * * *", "Europe/Berlin");
    auto start = utc("2026-10-24T12:00:00Z");
    std::vector<timestamp> found;
    for (auto slot = schedule.next(start); *slot < start + std::chrono::days(2); slot = schedule.next(*slot))
        found.push_back(*slot);
    std::vector<timestamp> expected;
    auto back_at = utc("2026-10-25T01:00:00Z");
    for (auto t = start + std::chrono::minutes(1); t < start + std::chrono::days(2);
         t += std::chrono::minutes(1)) {
        auto local = t + std::chrono::hours(t < back_at ? 2 : 1);
        auto of_day =
            std::chrono::floor<std::chrono::minutes>(local - std::chrono::floor<std::chrono::days>(local));
        if (of_day.count() % 60 % 7 == 0 && of_day.count() / 60 % 5 == 0) expected.push_back(t);
    }
    EXPECT_EQ(found, expected);
}

} // namespace
} // namespace gatehouse::core
