#include "app/models/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace gatehouse::app::models {
namespace {

// More than that is a mistake of the sender, and a run has a deadline anyway.
constexpr std::chrono::milliseconds longest = std::chrono::hours(24);

std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    int number = 0;
    if (text.size() < digits) return std::nullopt;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + digits, number);
    if (failure != std::errc() || end != text.data() + digits || number < 0) return std::nullopt;
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form of HTTP dates that is still sent.
std::optional<timestamp> parse_http_date(std::string_view text) {
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29) return std::nullopt;
    text.remove_prefix(3);
    if (!take(text, ", ")) return std::nullopt;
    auto const day = take_number(text, 2);
    if (!day || !take(text, " ")) return std::nullopt;
    auto const month = std::ranges::find(months, text.substr(0, 3));
    text.remove_prefix(3);
    if (month == months.end() || !take(text, " ")) return std::nullopt;
    auto const year = take_number(text, 4);
    if (!year || !take(text, " ")) return std::nullopt;
    auto const hour = take_number(text, 2);
    if (!hour || !take(text, ":")) return std::nullopt;
    auto const minute = take_number(text, 2);
    if (!minute || !take(text, ":")) return std::nullopt;
    auto const second = take_number(text, 2);
    if (!second || text != " GMT" || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    auto const number = static_cast<unsigned>(month - months.begin() + 1);
    auto const date =
        std::chrono::year(*year) / std::chrono::month(number) / std::chrono::day(static_cast<unsigned>(*day));
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second);
}

} // namespace

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, timestamp now) {
    if (auto const date = parse_http_date(value)) {
        return std::clamp(std::chrono::milliseconds(*date - now), std::chrono::milliseconds(0), longest);
    }
    std::uint64_t seconds = 0;
    auto const [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    bool const is_number = !value.empty() && end == value.data() + value.size();
    if (is_number && failure == std::errc::result_out_of_range) return longest;
    if (!is_number || failure != std::errc()) return std::nullopt;
    constexpr auto most =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(longest).count());
    return std::chrono::seconds(std::min(seconds, most));
}

} // namespace gatehouse::app::models
