#include "protocol/timestamp.hpp"

#include <algorithm>

namespace gatehouse {
namespace {

using namespace std::chrono;

// The first and the last instant that four digits of a year can say.
constexpr timestamp earliest = sys_days(year(0) / January / 1);
constexpr timestamp latest = timestamp(sys_days(year(10000) / January / 1)) - milliseconds(1);

void put_digits(char* at, int count, unsigned number) {
    for (int i = count - 1; i >= 0; --i, number /= 10) at[i] = static_cast<char>('0' + number % 10);
}

// Reads a text from left to right; after the first thing that is missing nothing matches any more.
class reader {
  public:
    explicit reader(std::string_view text) : rest_(text) {}

    bool ok() const { return ok_; }
    bool at_end() const { return rest_.empty(); }

    unsigned digits(std::size_t count) {
        unsigned number = 0;
        if (rest_.size() < count) ok_ = false;
        for (std::size_t i = 0; ok_ && i < count; ++i) {
            if (!is_digit(rest_[i])) ok_ = false;
            number = number * 10 + static_cast<unsigned>(rest_[i] - '0');
        }
        if (ok_) rest_.remove_prefix(count);
        return number;
    }

    // The next character, if it is one of `choices`; 0 and a failure if not.
    char one_of(std::string_view choices) {
        if (rest_.empty() || !choices.contains(rest_.front())) {
            ok_ = false;
            return 0;
        }
        char const found = rest_.front();
        rest_.remove_prefix(1);
        return found;
    }

    // ".25" is 250 ms, and absent is 0. What is finer than a millisecond is read and cut off.
    milliseconds fraction() {
        if (rest_.empty() || rest_.front() != '.') return {};
        rest_.remove_prefix(1);
        std::size_t const end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (end == 0) ok_ = false;
        int number = 0;
        for (std::size_t i = 0; i < 3; ++i) number = number * 10 + (i < end ? rest_[i] - '0' : 0);
        rest_.remove_prefix(end);
        return milliseconds(number);
    }

  private:
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    std::string_view rest_;
    bool ok_ = true;
};

// "Z" or "+05:30"; what has to be subtracted to get to UTC.
minutes read_offset(reader& in) {
    char const sign = in.one_of("Zz+-");
    if (sign != '+' && sign != '-') return {};
    unsigned const hour = in.digits(2);
    in.one_of(":");
    unsigned const minute = in.digits(2);
    if (hour > 23 || minute > 59) in.one_of("");
    minutes const offset = hours(hour) + minutes(minute);
    return sign == '-' ? -offset : offset;
}

} // namespace

std::string format_timestamp(timestamp t) {
    t = std::clamp(t, earliest, latest);
    auto const day = floor<days>(t);
    year_month_day const date(day);
    auto const ms = static_cast<unsigned>((t - day).count());
    std::string text = "0000-00-00T00:00:00.000Z";
    put_digits(&text[0], 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put_digits(&text[5], 2, static_cast<unsigned>(date.month()));
    put_digits(&text[8], 2, static_cast<unsigned>(date.day()));
    put_digits(&text[11], 2, ms / 3'600'000);
    put_digits(&text[14], 2, ms / 60'000 % 60);
    put_digits(&text[17], 2, ms / 1000 % 60);
    put_digits(&text[20], 3, ms % 1000);
    return text;
}

std::optional<timestamp> parse_timestamp(std::string_view text) {
    reader in(text);
    unsigned const years = in.digits(4);
    in.one_of("-");
    unsigned const months = in.digits(2);
    in.one_of("-");
    unsigned const days_of_month = in.digits(2);
    in.one_of("Tt");
    unsigned const hour = in.digits(2);
    in.one_of(":");
    unsigned const minute = in.digits(2);
    in.one_of(":");
    unsigned const second = in.digits(2);
    milliseconds const fraction = in.fraction();
    minutes const offset = read_offset(in);
    year_month_day const date(year(static_cast<int>(years)), month(months), day(days_of_month));
    if (!in.ok() || !in.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;

    timestamp const t = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
    // A leap second stands only at the end of a UTC day; as in POSIX it is the first second of the next one.
    if (second == 60 && floor<seconds>(t) != floor<days>(t)) return std::nullopt;
    if (t < earliest || t > latest) return std::nullopt;
    return t;
}

} // namespace gatehouse
