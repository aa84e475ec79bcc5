#include "core/triggers/cron_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

namespace gatehouse::core {

namespace {

using namespace std::chrono;
using problem = std::unexpected<std::string>;

constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> day_names{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct field_kind {
    std::string_view name;
    int first = 0;
    int last = 0;
    std::span<std::string_view const> words{}; // names of the numbers from `first` on
    bool takes_question_mark = false;
};

constexpr field_kind second_field{"second", 0, 59};
constexpr field_kind minute_field{"minute", 0, 59};
constexpr field_kind hour_field{"hour", 0, 23};
constexpr field_kind day_of_month_field{"day of month", 1, 31, {}, true};
constexpr field_kind month_field{"month", 1, 12, month_names};
constexpr field_kind day_of_week_field{"day of week", 0, 7, day_names, true};

using number_set = std::bitset<64>;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    while (true) {
        auto end = text.find_first_of(separators);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string upper_case(std::string_view text) {
    std::string upper(text);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return upper;
}

std::expected<int, std::string> read_number(std::string_view text, field_kind const& kind) {
    auto word = std::ranges::find(kind.words, upper_case(text));
    if (word != kind.words.end()) return kind.first + static_cast<int>(word - kind.words.begin());
    int number = -1;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool is_number = failure == std::errc() && end == text.data() + text.size() && text.front() != '-';
    if (!is_number) return problem(fmt::format("the {} '{}' is not a number", kind.name, text));
    if (number < kind.first || number > kind.last)
        return problem(fmt::format("the {} {} is not from {} to {}", kind.name, text, kind.first, kind.last));
    return number;
}

std::expected<int, std::string> read_step(std::string_view text, field_kind const& kind) {
    int step = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), step);
    // A longer step leaves the field as well, and nothing overflows.
    if (failure == std::errc() && end == text.data() + text.size() && step > 0)
        return std::min(step, kind.last + 1);
    return problem(fmt::format("the {}'s step '/{}' is not a number from 1 on", kind.name, text));
}

// One element of a list: `*`, `7`, `7-9`, each with a `/step` behind it or not.
std::expected<void, std::string> add_element(number_set& to, std::string_view text, field_kind const& kind) {
    auto slash = text.find('/');
    auto range = text.substr(0, slash);
    if (range.empty()) return problem(fmt::format("the {} has an empty element", kind.name));
    int step = 1;
    if (slash != std::string_view::npos) {
        auto read = read_step(text.substr(slash + 1), kind);
        if (!read) return problem(read.error());
        step = *read;
    }
    int first = kind.first;
    int last = kind.last;
    if (range != "*" && !(range == "?" && kind.takes_question_mark)) {
        auto dash = range.find('-');
        auto low = read_number(range.substr(0, dash), kind);
        if (!low) return problem(low.error());
        first = *low;
        if (dash != std::string_view::npos) {
            auto high = read_number(range.substr(dash + 1), kind);
            if (!high) return problem(high.error());
            last = *high;
        } else if (slash == std::string_view::npos) {
            last = first;
        }
        if (last < first) return problem(fmt::format("the {} range {} runs backwards", kind.name, range));
    }
    for (int i = first; i <= last; i += step) to.set(static_cast<std::size_t>(i));
    return {};
}

std::expected<number_set, std::string> read_field(std::string_view text, field_kind const& kind) {
    number_set numbers;
    for (auto element : split(text, ",")) {
        if (auto added = add_element(numbers, element, kind); !added) return problem(added.error());
    }
    return numbers;
}

// The first member at `from` or later.
template <std::size_t N>
std::optional<int> next_in(std::bitset<N> const& set, int from) {
    for (auto i = static_cast<std::size_t>(from); i < N; ++i)
        if (set[i]) return static_cast<int>(i);
    return std::nullopt;
}

template <std::size_t N>
std::bitset<N> narrowed(number_set const& set) {
    return std::bitset<N>(set.to_ullong());
}

} // namespace

std::expected<cron_expression, std::string> cron_expression::parse(std::string_view text) {
    auto fields = split(text, " \t");
    std::erase(fields, "");
    if (fields.size() != 5 && fields.size() != 6)
        return problem(fmt::format("it has {} fields, and five or six are needed", fields.size()));
    bool has_seconds = fields.size() == 6;
    if (!has_seconds) fields.insert(fields.begin(), "0");
    std::array<field_kind const*, 6> const kinds{&second_field,       &minute_field, &hour_field,
                                                 &day_of_month_field, &month_field,  &day_of_week_field};
    std::array<number_set, 6> sets;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        auto set = read_field(fields[i], *kinds[i]);
        if (!set) return problem(set.error());
        sets[i] = *set;
    }
    if (sets[5][7]) sets[5].set(0);
    cron_expression made;
    made.seconds_ = narrowed<60>(sets[0]);
    made.minutes_ = narrowed<60>(sets[1]);
    made.hours_ = narrowed<24>(sets[2]);
    made.days_of_month_ = narrowed<32>(sets[3]);
    made.months_ = narrowed<13>(sets[4]);
    made.days_of_week_ = narrowed<7>(sets[5] & number_set(0x7f));
    auto is_any = [](std::string_view field) { return field.front() == '*' || field.front() == '?'; };
    made.any_day_of_month_ = is_any(fields[3]);
    made.any_day_of_week_ = is_any(fields[5]);
    made.is_rhythm_ = fields[2].find_first_of("*/") != std::string_view::npos;
    return made;
}

bool cron_expression::matches_day(local_days day, year_month_day const& date) const {
    bool in_month = days_of_month_[static_cast<unsigned>(date.day())];
    bool in_week = days_of_week_[weekday(day).c_encoding()];
    return any_day_of_month_ || any_day_of_week_ ? in_month && in_week : in_month || in_week;
}

std::optional<seconds> cron_expression::next_time_of_day(seconds from) const {
    hh_mm_ss const start(from);
    auto first_hour = static_cast<int>(start.hours().count());
    for (auto hour = next_in(hours_, first_hour); hour; hour = next_in(hours_, *hour + 1)) {
        bool in_first_hour = *hour == first_hour;
        int first_minute = in_first_hour ? static_cast<int>(start.minutes().count()) : 0;
        for (auto minute = next_in(minutes_, first_minute); minute; minute = next_in(minutes_, *minute + 1)) {
            bool in_first_minute = in_first_hour && *minute == first_minute;
            auto second = next_in(seconds_, in_first_minute ? static_cast<int>(start.seconds().count()) : 0);
            if (second) return hours(*hour) + std::chrono::minutes(*minute) + seconds(*second);
        }
    }
    return std::nullopt;
}

std::optional<local_time> cron_expression::next_match(local_time from, local_time until) const {
    auto day = floor<days>(from);
    auto time_of_day = from - local_time(day);
    while (local_time(day) < until) {
        year_month_day const date(day);
        if (!months_[static_cast<unsigned>(date.month())]) {
            day = local_days((date.year() / date.month() + months(1)) / 1);
            time_of_day = seconds(0);
            continue;
        }
        if (matches_day(day, date)) {
            if (auto time = next_time_of_day(time_of_day)) {
                auto match = local_time(day) + *time;
                return match < until ? std::optional(match) : std::nullopt;
            }
        }
        day += days(1);
        time_of_day = seconds(0);
    }
    return std::nullopt;
}

} // namespace gatehouse::core
