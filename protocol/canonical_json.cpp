#include "protocol/canonical_json.hpp"

#include "protocol/json_codec.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace gatehouse {
namespace {

namespace json = boost::json;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

// Orders UTF-8 by the UTF-16 units it stands for. That is the order of bytes but in one place: what takes
// four bytes begins in UTF-16 with a surrogate, D800 to DFFF, and so stands before E000 to FFFF (first bytes
// EE and EF).
bool less_in_utf16(std::string_view a, std::string_view b) {
    auto const [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
    auto const rank = [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte == 0xee || byte == 0xef ? byte + 0x100 : byte;
    };
    return rank(*x) < rank(*y);
}

// ECMAScript's Number::toString.
void append_number(std::string& out, double number) {
    if (!std::isfinite(number)) throw std::domain_error("JSON has no infinities and no NaN");
    if (number == 0) {
        out += '0'; // minus zero too
        return;
    }
    if (number < 0) out += '-';
    // "d.ddde±xx": the shortest digits that read back the same, nearest to the number among the shortest.
    std::array<char, 32> text;
    char const* const end =
        std::to_chars(text.data(), text.data() + text.size(), std::abs(number), std::chars_format::scientific)
            .ptr;
    char const* const exponent_mark = std::find(text.data(), const_cast<char*>(end), 'e');
    int exponent = 0;
    std::from_chars(exponent_mark + (exponent_mark[1] == '+' ? 2 : 1), end, exponent);
    std::string digits(1, text[0]);
    if (text[1] == '.') digits.append(static_cast<char const*>(text.data()) + 2, exponent_mark);
    auto const count = static_cast<int>(digits.size());
    int const point = exponent + 1; // digits before the decimal point

    if (count <= point && point <= 21) {
        out.append(digits).append(static_cast<std::size_t>(point - count), '0');
    } else if (0 < point && point <= 21) {
        out.append(digits, 0, static_cast<std::size_t>(point)).append(1, '.');
        out.append(digits, static_cast<std::size_t>(point));
    } else if (-6 < point && point <= 0) {
        out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
    } else {
        out += digits[0];
        if (count > 1) out.append(1, '.').append(digits, 1);
        out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
    }
}

template <class Integer>
void append_integer(std::string& out, Integer number) {
    std::array<char, 24> text;
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

class writer {
  public:
    explicit writer(std::string& out) : out_(out) { members_.reserve(16); }

    void write(json::value const& value) {
        switch (value.kind()) {
        case json::kind::null:
            out_ += "null";
            return;
        case json::kind::bool_:
            out_ += value.get_bool() ? "true" : "false";
            return;
        case json::kind::int64:
            append_integer(out_, value.get_int64());
            return;
        case json::kind::uint64:
            append_integer(out_, value.get_uint64());
            return;
        case json::kind::double_:
            append_number(out_, value.get_double());
            return;
        case json::kind::string:
            protocol::append_json(out_, view(value.get_string()));
            return;
        case json::kind::array:
            write(value.get_array());
            return;
        case json::kind::object:
            write(value.get_object());
            return;
        }
    }

  private:
    using member = json::key_value_pair const*;

    void write(json::array const& array) {
        out_ += '[';
        bool first = true;
        for (auto const& element : array) {
            if (!first) out_ += ',';
            first = false;
            write(element);
        }
        out_ += ']';
    }

    void write(json::object const& object) {
        // The members of all objects that are being written stand in one vector, the innermost last.
        std::size_t const begin = members_.size();
        for (auto const& each : object) members_.push_back(&each);
        auto const less = [](member a, member b) { return less_in_utf16(view(a->key()), view(b->key())); };
        std::sort(members_.begin() + static_cast<std::ptrdiff_t>(begin), members_.end(), less);
        out_ += '{';
        for (std::size_t i = begin; i < begin + object.size(); ++i) {
            if (i != begin) out_ += ',';
            protocol::append_json(out_, view(members_[i]->key()));
            out_ += ':';
            write(members_[i]->value());
        }
        out_ += '}';
        members_.resize(begin);
    }

    std::string& out_;
    std::vector<member> members_;
};

} // namespace

std::string canonical_json(json::value const& value) {
    std::string out;
    out.reserve(256);
    append_canonical_json(out, value);
    return out;
}

void append_canonical_json(std::string& out, json::value const& value) { writer(out).write(value); }

} // namespace gatehouse
