#pragma once
// A cron expression as sets of numbers, and the wall-clock times that match it. No time zone here: see
// cron_schedule.
#include <bitset>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::core {

// A wall clock's reading: seconds since 1970-01-01T00:00 of that clock.
using local_time = std::chrono::local_seconds;

// Any thread.
class cron_expression {
  public:
    // Five fields (minute, hour, day of month, month, day of week), or six with seconds in front. Each is a
    // list of `*`, numbers, ranges and steps; months and days have English names of three letters, 7 is
    // Sunday, `?` is `*`. The error is a sentence that names the field.
    static std::expected<cron_expression, std::string> parse(std::string_view text);

    // The first match at `from` or later, and before `until`. Two day fields that are both restricted match
    // where either does (a field that begins with `*` is not restricted), as in Vixie cron.
    std::optional<local_time> next_match(local_time from, local_time until) const;

    // The hour field is `*` or has a step: such an expression means a rhythm, any other one the clock on the
    // wall.
    bool is_rhythm() const { return is_rhythm_; }

  private:
    bool matches_day(std::chrono::local_days day, std::chrono::year_month_day const& date) const;
    std::optional<std::chrono::seconds> next_time_of_day(std::chrono::seconds from) const;

    std::bitset<60> seconds_;
    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_of_month_; // 1 to 31
    std::bitset<13> months_;        // 1 to 12
    std::bitset<7> days_of_week_;   // 0 is Sunday
    bool any_day_of_month_ = false;
    bool any_day_of_week_ = false;
    bool is_rhythm_ = false;
};

} // namespace gatehouse::core
