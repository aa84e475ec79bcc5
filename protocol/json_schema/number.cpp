#include "protocol/json_schema/number.hpp"

#include <charconv>
#include <cmath>
#include <utility>

namespace gatehouse::json_schema {

namespace json = boost::json;
using json::kind;

using wide = unsigned __int128;

bool is_integral(double number) noexcept { return std::isfinite(number) && std::trunc(number) == number; }

static std::partial_ordering compare_with_double(std::int64_t a, double b) noexcept {
    if (std::isnan(b)) return std::partial_ordering::unordered;
    if (b >= 0x1p63) return std::partial_ordering::less;
    if (b < -0x1p63) return std::partial_ordering::greater;
    double const whole = std::trunc(b);
    auto const by_whole = a <=> static_cast<std::int64_t>(whole);
    return by_whole != 0 ? std::partial_ordering(by_whole) : 0.0 <=> b - whole;
}

static std::partial_ordering compare_with_double(std::uint64_t a, double b) noexcept {
    if (a <= static_cast<std::uint64_t>(INT64_MAX))
        return compare_with_double(static_cast<std::int64_t>(a), b);
    if (std::isnan(b)) return std::partial_ordering::unordered;
    if (b >= 0x1p64) return std::partial_ordering::less;
    if (b < 0x1p63) return std::partial_ordering::greater;
    return a <=> static_cast<std::uint64_t>(b);
}

static std::partial_ordering compare_with_integer(double a, json::value const& b) noexcept {
    return 0 <=>
           (b.is_int64() ? compare_with_double(b.get_int64(), a) : compare_with_double(b.get_uint64(), a));
}

std::partial_ordering compare_numbers(json::value const& a, json::value const& b) noexcept {
    if (a.is_double())
        return b.is_double() ? a.get_double() <=> b.get_double() : compare_with_integer(a.get_double(), b);
    if (b.is_double()) {
        return a.is_int64() ? compare_with_double(a.get_int64(), b.get_double())
                            : compare_with_double(a.get_uint64(), b.get_double());
    }
    if (a.is_int64() && b.is_int64()) return a.get_int64() <=> b.get_int64();
    if (a.is_uint64() && b.is_uint64()) return a.get_uint64() <=> b.get_uint64();
    if (a.is_int64()) {
        return std::cmp_less(a.get_int64(), b.get_uint64())      ? std::partial_ordering::less
               : std::cmp_greater(a.get_int64(), b.get_uint64()) ? std::partial_ordering::greater
                                                                 : std::partial_ordering::equivalent;
    }
    return 0 <=> compare_numbers(b, a);
}

static decimal of_integer(std::uint64_t magnitude) noexcept { return decimal{magnitude, 0}; }

static decimal without_zeros(decimal number) noexcept {
    while (number.digits != 0 && number.digits % 10 == 0) {
        number.digits /= 10;
        ++number.exponent;
    }
    return number;
}

static decimal of_double(double number) noexcept {
    // Scientific with 14 digits after the point: "d.dddddddddddddde±xx".
    char text[40];
    auto const end =
        std::to_chars(text, text + sizeof text, std::fabs(number), std::chars_format::scientific, 14).ptr;
    decimal out;
    char const* at = text;
    for (; at != end && *at != 'e'; ++at) {
        if (*at != '.') out.digits = out.digits * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    if (at != end) ++at;
    if (at != end && *at == '+') ++at;
    std::from_chars(at, end, out.exponent);
    out.exponent -= 14;
    return without_zeros(out);
}

decimal to_decimal(json::value const& number) noexcept {
    if (number.is_uint64()) return of_integer(number.get_uint64());
    if (number.is_double()) return of_double(number.get_double());
    auto const value = number.get_int64();
    return of_integer(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
}

divisor::divisor(json::value const& number) noexcept : decimal_(without_zeros(to_decimal(number))) {
    if (number.is_int64()) integer_ = number.get_int64();
    if (number.is_double() && is_integral(number.get_double()) && number.get_double() < 0x1p53) {
        integer_ = static_cast<std::int64_t>(number.get_double());
    }
}

static wide power_of_ten(int exponent) noexcept {
    wide out = 1;
    for (; exponent > 0; --exponent) out *= 10;
    return out;
}

// base * 10^exponent modulo `modulus`, which is below 2^64.
static wide scaled_modulo(std::uint64_t base, int exponent, std::uint64_t modulus) noexcept {
    wide out = base % modulus;
    wide square = 10 % modulus;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) out = out * square % modulus;
        square = square * square % modulus;
    }
    return out;
}

bool divisor::divides(json::value const& number) const noexcept {
    if (integer_ != 0 && number.is_int64()) return number.get_int64() % integer_ == 0;
    if (number.is_double() && !std::isfinite(number.get_double())) return false;
    decimal const whole = to_decimal(number);
    if (whole.digits == 0) return true;
    int const shift = whole.exponent - decimal_.exponent;
    if (shift >= 0) return scaled_modulo(whole.digits, shift, decimal_.digits) == 0;
    // More than 19 digits to the right of the divisor's last one can't all be zeros: `whole` has 20 digits at
    // most.
    if (shift < -19) return false;
    return whole.digits % (decimal_.digits * power_of_ten(-shift)) == 0;
}

} // namespace gatehouse::json_schema
