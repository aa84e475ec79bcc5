#include "protocol/json_schema/pattern_translation.hpp"

#include "protocol/json_schema/unicode_property.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>

namespace gatehouse::json_schema {

// ECMA-262's WhiteSpace and LineTerminator, and all but them, for use between brackets.
static constexpr std::string_view space_class =
    R"(\x{9}-\x{d}\x{20}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f})"
    R"(\x{205f}\x{3000}\x{feff})";
static constexpr std::string_view no_space_class =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff})";
static constexpr std::string_view dot_class = R"([^\n\r\x{2028}\x{2029}])";
static constexpr std::string_view anything = R"([\x{0}-\x{10ffff}])";
static constexpr std::string_view nothing = R"([^\x{0}-\x{10ffff}])";

// What one step of a pattern stands for: a code point, or a text for use between the brackets of a class.
struct atom {
    std::optional<std::uint32_t> code_point;
    std::string character_class;
};

static bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
static std::string written(std::uint32_t code_point) { return fmt::format("\\x{{{:x}}}", code_point); }

class pattern_translator {
  public:
    explicit pattern_translator(std::string_view text) noexcept : text_(text) {}

    std::expected<std::string, std::string> run() {
        while (at_ < text_.size() && error_.empty()) translate_one();
        if (!error_.empty()) return std::unexpected(error_);
        return std::move(out_);
    }

  private:
    void translate_one() {
        char const c = text_[at_];
        if (c == '\\') return translate_escape();
        if (c == '[') return translate_class();
        if (c == '(') return open_group();
        ++at_;
        if (c == '.')
            out_ += dot_class;
        else
            out_ += c;
    }

    void open_group() {
        ++at_;
        if (take("?:") || peek() != '?') {
            out_ += "(?:";
        } else if (looks_at("?=") || looks_at("?!") || looks_at("?<=") || looks_at("?<!")) {
            fail("uses look-around, which can't be checked in linear time");
        } else if (take("?<")) {
            auto const end = text_.find('>', at_);
            if (end == std::string_view::npos) return fail("has a group name without its \">\"");
            at_ = end + 1;
            out_ += "(?:";
        } else {
            fail("has a group that starts with \"(?\" in a way ECMA-262 doesn't know");
        }
    }

    // A "\" outside of brackets.
    void translate_escape() {
        char const c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        if (c == 'b' || c == 'B') {
            out_ += '\\';
            out_ += c;
            at_ += 2;
            return;
        }
        auto const meant = read_escape(false);
        if (meant.code_point)
            out_ += written(*meant.code_point);
        else
            out_ += "[" + meant.character_class + "]";
    }

    void translate_class() {
        ++at_;
        bool const negated = take("^");
        if (take("]")) {
            out_ += negated ? anything : nothing;
            return;
        }
        out_ += negated ? "[^" : "[";
        while (error_.empty() && !take("]")) {
            if (at_ >= text_.size()) return fail("has a \"[\" without its \"]\"");
            translate_class_item();
        }
        out_ += ']';
    }

    void translate_class_item() {
        auto const first = read_class_atom();
        bool const is_range = peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
        if (!is_range || !error_.empty()) return append_to_class(first);
        ++at_;
        auto const last = read_class_atom();
        if (!first.code_point || !last.code_point) {
            // A class at either end makes no range: the "-" stands for itself.
            append_to_class(first);
            append_to_class(atom{'-', {}});
            return append_to_class(last);
        }
        if (*first.code_point > *last.code_point) return fail("has a character range that runs backwards");
        out_ += written(*first.code_point) + "-" + written(*last.code_point);
    }

    void append_to_class(atom const& item) {
        out_ += item.code_point ? written(*item.code_point) : item.character_class;
    }

    atom read_class_atom() {
        if (peek() == '\\') return read_escape(true);
        return atom{read_code_point(), {}};
    }

    // Reads from the "\" on. `\b` is a backspace between brackets and doesn't get here outside of them.
    atom read_escape(bool in_class) {
        ++at_;
        if (at_ >= text_.size()) return failed("ends with a single \"\\\"");
        char const c = text_[at_];
        if (static_cast<unsigned char>(c) >= 0x80) return atom{read_code_point(), {}};
        ++at_;
        switch (c) {
        case 'd':
            return atom{{}, "0-9"};
        case 'D':
            return atom{{}, R"(\x{0}-\x{2f}\x{3a}-\x{10ffff})"};
        case 'w':
            return atom{{}, "0-9A-Za-z_"};
        case 'W':
            return atom{{}, R"(\x{0}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{5e}\x{60}\x{7b}-\x{10ffff})"};
        case 's':
            return atom{{}, std::string(space_class)};
        case 'S':
            return atom{{}, std::string(no_space_class)};
        case 't':
            return atom{'\t', {}};
        case 'n':
            return atom{'\n', {}};
        case 'v':
            return atom{'\v', {}};
        case 'f':
            return atom{'\f', {}};
        case 'r':
            return atom{'\r', {}};
        case 'b':
            return in_class ? atom{'\b', {}} : failed("has \"\\b\" in a strange place");
        case 'c':
            return read_control();
        case 'x':
            return read_hex(2);
        case 'u':
            return read_unicode();
        case 'p':
            return read_property(false);
        case 'P':
            return read_property(true);
        case 'k':
            return failed("uses a back-reference, which can't be checked in linear time");
        default:
            return read_identity(c);
        }
    }

    atom read_identity(char c) {
        if (c == '0' && !is_digit(peek())) return atom{0, {}};
        if (is_digit(c)) return failed("uses a back-reference, which can't be checked in linear time");
        if (is_letter(c))
            return failed(fmt::format("has the escape \"\\{}\", which ECMA-262 doesn't know", c));
        return atom{static_cast<std::uint32_t>(c), {}};
    }

    atom read_control() {
        if (!is_letter(peek())) return failed("has \"\\c\" without a letter");
        return atom{static_cast<std::uint32_t>(text_[at_++]) % 32, {}};
    }

    atom read_hex(std::size_t digits) {
        std::uint32_t value = 0;
        auto const* const from = text_.data() + at_;
        auto const* const to = from + std::min(digits, text_.size() - at_);
        auto const [end, failure] = std::from_chars(from, to, value, 16);
        if (failure != std::errc() || end != from + digits)
            return failed("has a hexadecimal escape that is too short");
        at_ += digits;
        return atom{value, {}};
    }

    atom read_unicode() {
        if (take("{")) {
            std::uint32_t value = 0;
            auto const* const last = text_.data() + text_.size();
            auto const [end, failure] = std::from_chars(text_.data() + at_, last, value, 16);
            if (failure != std::errc() || end == last || *end != '}' || value > 0x10ffff) {
                return failed("has a \"\\u{\" escape that names no character");
            }
            at_ = static_cast<std::size_t>(end - text_.data()) + 1;
            return atom{value, {}};
        }
        auto unit = read_hex(4);
        if (!unit.code_point || *unit.code_point < 0xd800 || *unit.code_point > 0xdfff) return unit;
        if (*unit.code_point > 0xdbff || !take("\\u")) return failed("has half of a surrogate pair");
        auto const low = read_hex(4);
        if (!low.code_point || *low.code_point < 0xdc00 || *low.code_point > 0xdfff) {
            return failed("has half of a surrogate pair");
        }
        return atom{0x10000 + ((*unit.code_point - 0xd800) << 10) + (*low.code_point - 0xdc00), {}};
    }

    atom read_property(bool negated) {
        auto const end = text_.find('}', at_);
        if (!take("{") || end == std::string_view::npos)
            return failed("has \"\\p\" without a property in braces");
        auto const name = text_.substr(at_, end - at_);
        auto const found = character_class_of(name, negated);
        if (!found)
            return failed(fmt::format("names the Unicode property \"{}\", which is not known here", name));
        at_ = end + 1;
        return atom{{}, *found};
    }

    // The text comes from a parsed JSON string, and so is UTF-8.
    std::uint32_t read_code_point() {
        auto const lead = static_cast<unsigned char>(text_[at_++]);
        if (lead < 0x80) return lead;
        int const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        std::uint32_t value = lead & (0x3fu >> more);
        for (int index = 0; index < more && at_ < text_.size(); ++index) {
            value = value << 6 | (static_cast<unsigned char>(text_[at_++]) & 0x3fu);
        }
        return value;
    }

    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool looks_at(std::string_view token) const noexcept { return text_.substr(at_).starts_with(token); }

    bool take(std::string_view token) noexcept {
        bool const there = looks_at(token);
        if (there) at_ += token.size();
        return there;
    }

    void fail(std::string message) {
        if (error_.empty()) error_ = std::move(message);
    }

    atom failed(std::string message) {
        fail(std::move(message));
        return atom{0, {}};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string out_;
    std::string error_;
};

std::expected<std::string, std::string> translate_pattern(std::string_view ecma) {
    return pattern_translator(ecma).run();
}

} // namespace gatehouse::json_schema
