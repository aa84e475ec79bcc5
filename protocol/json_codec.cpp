#include "protocol/json_codec.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace gatehouse::protocol {

namespace {

void append_escaped(std::string& out, char c) {
    static constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        break;
    }
    out += "\\u00";
    out += hex[static_cast<unsigned char>(c) >> 4];
    out += hex[static_cast<unsigned char>(c) & 15];
}

bool is_escaped(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// The same for eight bytes at once; true where any of them is.
bool any_is_escaped(char const* eight) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t high_bits = 0x80 * ones;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, eight, 8);
    std::uint64_t const quote = bytes ^ ('"' * ones);
    std::uint64_t const backslash = bytes ^ ('\\' * ones);
    // x - n borrows into the top bit of a byte below n. A byte above a hit may be a hit by mistake, which
    // changes nothing.
    std::uint64_t const control = (bytes - 0x20 * ones) & ~bytes;
    return ((control | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & high_bits) != 0;
}

bool needs_no_escape(std::string_view text) {
    if (text.size() < 8) return std::ranges::none_of(text, is_escaped);
    for (std::size_t i = 0; i + 8 < text.size(); i += 8) {
        if (any_is_escaped(text.data() + i)) return false;
    }
    return !any_is_escaped(text.data() + text.size() - 8);
}

template <class Number>
void append_number(std::string& out, Number number) {
    std::array<char, 32> text;
    auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), number);
    out.append(text.data(), end);
}

} // namespace

void append_json(std::string& out, std::string_view text) {
    if (needs_no_escape(text)) {
        std::size_t const begin = out.size();
        std::size_t const end = begin + text.size() + 2;
        // libstdc++ 12 passes the new capacity where the standard says the new size, so it isn't used.
        out.resize_and_overwrite(end, [&](char* data, std::size_t) {
            data[begin] = '"';
            if (!text.empty()) std::memcpy(data + begin + 1, text.data(), text.size());
            data[end - 1] = '"';
            return end;
        });
        return;
    }
    out += '"';
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_escaped(text[i])) continue;
        out.append(text, begin, i - begin);
        append_escaped(out, text[i]);
        begin = i + 1;
    }
    out.append(text, begin);
    out += '"';
}

void append_json(std::string& out, std::int64_t number) { append_number(out, number); }

void append_json(std::string& out, double number) {
    if (!std::isfinite(number)) throw std::domain_error("JSON has no infinities and no NaN");
    append_number(out, number);
}

void append_json(std::string& out, timestamp time) {
    out += '"';
    out += format_timestamp(time);
    out += '"';
}

void append_json(std::string& out, raw_json const& document) { out += document.text; }
void append_json(std::string& out, boost::json::object const& free_form) {
    out += boost::json::serialize(free_form);
}
void append_json(std::string& out, boost::json::array const& free_form) {
    out += boost::json::serialize(free_form);
}
void append_json_value(std::string& out, boost::json::value const& free_form) {
    out += boost::json::serialize(free_form);
}

std::string_view text_of(boost::json::value const& from) {
    boost::json::string const& text = from.as_string();
    return {text.data(), text.size()};
}

void decode_json(boost::json::value const& from, std::string& to) { to = text_of(from); }

void decode_json(boost::json::value const& from, std::int64_t& to) {
    if (from.is_int64()) {
        to = from.get_int64();
    } else if (from.is_uint64()) {
        to = std::numeric_limits<std::int64_t>::max();
    } else {
        double number = from.as_double();
        constexpr double limit = 9223372036854775808.0;
        if (number >= limit)
            to = std::numeric_limits<std::int64_t>::max();
        else if (number < -limit)
            to = std::numeric_limits<std::int64_t>::min();
        else
            to = static_cast<std::int64_t>(number);
    }
}

void decode_json(boost::json::value const& from, double& to) { to = from.to_number<double>(); }
void decode_json(boost::json::value const& from, bool& to) { to = from.as_bool(); }

void decode_json(boost::json::value const& from, timestamp& to) {
    std::optional<timestamp> parsed = parse_timestamp(text_of(from));
    if (!parsed) throw std::invalid_argument(std::string(text_of(from)) + " is not a date-time");
    to = *parsed;
}

void decode_json(boost::json::value const& from, raw_json& to) { to.text = boost::json::serialize(from); }
void decode_json(boost::json::value const& from, boost::json::value& to) { to = from; }
void decode_json(boost::json::value const& from, boost::json::object& to) { to = from.as_object(); }
void decode_json(boost::json::value const& from, boost::json::array& to) { to = from.as_array(); }

} // namespace gatehouse::protocol
