// Numbers by value, over all three kinds that boost::json keeps them in.
#include "protocol/json_schema/number.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>

namespace gatehouse::json_schema {

namespace json = boost::json;

TEST(number, comparison_is_exact_between_integers_and_doubles) {
    static std::array const ascending{
        json::value(-std::numeric_limits<double>::infinity()),
        json::value(-1e300),
        json::value(std::numeric_limits<std::int64_t>::min()),
        json::value(-1.5),
        json::value(-1),
        json::value(-0.5),
        json::value(0),
        json::value(0.5),
        json::value(1),
        json::value(0x1p53),
        json::value((std::int64_t(1) << 53) + 1),
        json::value(std::numeric_limits<std::int64_t>::max()),
        json::value(0x1p63),
        json::value((std::uint64_t(1) << 63) + 1),
        json::value(std::numeric_limits<std::uint64_t>::max()),
        json::value(0x1p64),
        json::value(1e300),
    };
    for (std::size_t a = 0; a < ascending.size(); ++a) {
        for (std::size_t b = 0; b < ascending.size(); ++b) {
            auto const expected = std::partial_ordering(a <=> b);
            EXPECT_EQ(compare_numbers(ascending[a], ascending[b]), expected)
                << ascending[a] << " " << ascending[b];
        }
    }
    EXPECT_EQ(compare_numbers(1, 1.0), std::partial_ordering::equivalent);
    EXPECT_EQ(compare_numbers(json::value(std::uint64_t(7)), 7), std::partial_ordering::equivalent);
}

struct multiple_case {
    json::value number;
    json::value factor;
    bool divides;
};

TEST(number, multiples_are_decimal) {
    std::array const cases = std::to_array<multiple_case>({
        {10, 2, true},
        {7, 2, false},
        {-9, 3, true},
        {0, 7, true},
        {0.0, 0.1, true},
        {4.5, 1.5, true},
        {35, 1.5, false},
        {0.0075, 0.0001, true},
        {0.00751, 0.0001, false},
        {0.3, 0.1, true},
        {1.1, 0.1, true},
        {19.99, 0.01, true},
        {1e308, 0.123456789, false},
        {1e308, 0.5, true},
        {1e308, 1e308, true},
        {1e308, 3, false},
        {12391239123, 1e-8, true},
        {5e-324, 1, false},
        {3.0, 3, true},
        {6, 3.0, true},
        {std::numeric_limits<std::uint64_t>::max(), 5, true},
        {std::numeric_limits<std::uint64_t>::max(), 2, false},
        {std::numeric_limits<std::int64_t>::min(), 2, true},
        {std::numeric_limits<double>::infinity(), 2, false},
        {1e20, std::numeric_limits<std::uint64_t>::max(), false},
    });
    for (auto const& row : cases) {
        EXPECT_EQ(divisor(row.factor).divides(row.number), row.divides) << row.number << " by " << row.factor;
    }
}

TEST(number, only_what_has_no_fraction_is_integral) {
    for (double const whole : {0.0, -0.0, 1.0, -3.0, 1e300}) EXPECT_TRUE(is_integral(whole)) << whole;
    for (double const other : {0.5, 1e-300, std::numeric_limits<double>::infinity()})
        EXPECT_FALSE(is_integral(other)) << other;
}

} // namespace gatehouse::json_schema
