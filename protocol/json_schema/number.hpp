#pragma once
// Numbers as JSON Schema means them: by value, whatever of the three kinds boost::json keeps them in.

#include <boost/json/value.hpp>

#include <compare>
#include <cstdint>

namespace gatehouse::json_schema {

// Whether a double has no fraction: 1.0 is an integer, an infinity is none.
bool is_integral(double number) noexcept;

// Compares two numbers exactly: 2^53 + 1 is greater than the double 2^53. Both values must be numbers.
std::partial_ordering compare_numbers(boost::json::value const& a, boost::json::value const& b) noexcept;

// A number as sign * digits * 10^exponent, so that 0.0075 is a multiple of 0.0001, as it is on paper.
struct decimal {
    std::uint64_t digits = 0;
    int exponent = 0;
};

// The magnitude of a number. Of a double 15 digits count: those survive a parser that is wrong by one unit in
// the last place, as Boost.JSON 1.81's is.
decimal to_decimal(boost::json::value const& number) noexcept;

// The right side of "multipleOf".
class divisor {
  public:
    // `number` must be a number greater than zero.
    explicit divisor(boost::json::value const& number) noexcept;

    bool divides(boost::json::value const& number) const noexcept;

  private:
    decimal decimal_;
    std::int64_t integer_ = 0; // the same where it is one, else 0
};

} // namespace gatehouse::json_schema
