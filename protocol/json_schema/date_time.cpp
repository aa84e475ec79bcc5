#include "protocol/json_schema/date_time.hpp"

#include <chrono>
#include <cstddef>

namespace gatehouse::json_schema {

// Reads exactly `count` digits; -1 where there are fewer.
static int read_digits(std::string_view& rest, std::size_t count) noexcept {
    if (rest.size() < count) return -1;
    int value = 0;
    for (std::size_t at = 0; at < count; ++at) {
        if (rest[at] < '0' || rest[at] > '9') return -1;
        value = value * 10 + (rest[at] - '0');
    }
    rest.remove_prefix(count);
    return value;
}

static bool take(std::string_view& rest, char lower, char upper) noexcept {
    if (rest.empty() || (rest.front() != lower && rest.front() != upper)) return false;
    rest.remove_prefix(1);
    return true;
}

static bool take(std::string_view& rest, char c) noexcept { return take(rest, c, c); }

static bool read_date(std::string_view& rest) noexcept {
    int const year = read_digits(rest, 4);
    if (year < 0 || !take(rest, '-')) return false;
    int const month = read_digits(rest, 2);
    if (month < 0 || !take(rest, '-')) return false;
    int const day = read_digits(rest, 2);
    if (day < 0) return false;
    using namespace std::chrono;
    auto const date = year_month_day(
        std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
        std::chrono::day(static_cast<unsigned>(day))
    );
    return date.ok();
}

// The offset in minutes east of UTC; more than a day where there is none.
static int read_offset(std::string_view& rest) noexcept {
    constexpr int none = 10'000;
    if (take(rest, 'Z', 'z')) return 0;
    if (rest.empty() || (rest.front() != '+' && rest.front() != '-')) return none;
    int const sign = rest.front() == '-' ? -1 : 1;
    rest.remove_prefix(1);
    int const hours = read_digits(rest, 2);
    if (hours < 0 || hours > 23 || !take(rest, ':')) return none;
    int const minutes = read_digits(rest, 2);
    return minutes < 0 || minutes > 59 ? none : sign * (hours * 60 + minutes);
}

bool is_date_time(std::string_view text) noexcept {
    if (!read_date(text) || !take(text, 'T', 't')) return false;
    int const hour = read_digits(text, 2);
    if (hour < 0 || hour > 23 || !take(text, ':')) return false;
    int const minute = read_digits(text, 2);
    if (minute < 0 || minute > 59 || !take(text, ':')) return false;
    int const second = read_digits(text, 2);
    if (second < 0 || second > 60) return false;
    if (take(text, '.')) {
        if (read_digits(text, 1) < 0) return false;
        while (read_digits(text, 1) >= 0) {
        }
    }
    int const offset = read_offset(text);
    if (offset == 10'000 || !text.empty()) return false;
    constexpr int day = 24 * 60;
    return second < 60 || (hour * 60 + minute - offset + 2 * day) % day == day - 1;
}

} // namespace gatehouse::json_schema
