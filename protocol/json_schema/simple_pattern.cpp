#include "protocol/json_schema/simple_pattern.hpp"

#include <charconv>
#include <limits>

namespace gatehouse::json_schema {

static constexpr std::string_view special = R"(\^$.*+?()[]{}|)";

static bool is_plain(char c) noexcept {
    return c >= ' ' && c <= '~' && special.find(c) == std::string_view::npos;
}

static void add_range(std::bitset<128>& characters, char first, char last) {
    for (int c = first; c <= last; ++c) characters.set(static_cast<std::size_t>(c));
}

// One character that stands for itself, or an escaped punctuation mark; 0 for everything else.
static char read_literal(std::string_view& rest, std::string_view unescaped_too) {
    if (rest.empty()) return 0;
    char const c = rest.front();
    if (c != '\\') {
        bool const literal = is_plain(c) || unescaped_too.find(c) != std::string_view::npos;
        if (literal) rest.remove_prefix(1);
        return literal ? c : '\0';
    }
    char const escaped = rest.size() > 1 ? rest[1] : '\0';
    bool const punctuation =
        special.find(escaped) != std::string_view::npos || escaped == '/' || escaped == '-';
    if (escaped == 0 || !punctuation) return 0;
    rest.remove_prefix(2);
    return escaped;
}

static bool read_shorthand(std::string_view& rest, std::bitset<128>& characters) {
    bool const word = rest.starts_with("\\w");
    if (!word && !rest.starts_with("\\d")) return false;
    add_range(characters, '0', '9');
    if (word) {
        add_range(characters, 'a', 'z');
        add_range(characters, 'A', 'Z');
        add_range(characters, '_', '_');
    }
    rest.remove_prefix(2);
    return true;
}

static std::optional<std::bitset<128>> read_class(std::string_view& rest) {
    std::bitset<128> characters;
    if (rest.starts_with('^') || rest.starts_with(']')) return std::nullopt;
    while (!rest.starts_with(']')) {
        if (read_shorthand(rest, characters)) {
            if (rest.starts_with('-') && !rest.starts_with("-]")) return std::nullopt;
            continue;
        }
        char const first = read_literal(rest, "$.*+?(){}|");
        if (first == 0) return std::nullopt;
        char last = first;
        if (rest.starts_with('-') && !rest.starts_with("-]")) {
            rest.remove_prefix(1);
            last = read_literal(rest, "$.*+?(){}|");
            if (last < first) return std::nullopt;
        }
        add_range(characters, first, last);
    }
    rest.remove_prefix(1);
    return characters;
}

std::optional<std::bitset<128>> simple_pattern::read_characters(std::string_view& rest) {
    if (rest.starts_with('[')) {
        rest.remove_prefix(1);
        return read_class(rest);
    }
    std::bitset<128> characters;
    if (read_shorthand(rest, characters)) return characters;
    char const c = read_literal(rest, "");
    if (c == 0) return std::nullopt;
    add_range(characters, c, c);
    return characters;
}

// Reads "*", "+", "?" or "{n,m}" where one stands there; false for a count that is written in any other way.
bool simple_pattern::read_count(std::string_view& rest, step& counted) {
    static constexpr auto unbounded = std::numeric_limits<std::uint32_t>::max();
    char const c = rest.empty() ? '\0' : rest.front();
    if (c == '*' || c == '+' || c == '?') {
        counted.count_min = c == '+' ? 1 : 0;
        counted.count_max = c == '?' ? 1 : unbounded;
        rest.remove_prefix(1);
    } else if (c == '{') {
        auto const* const last = rest.data() + rest.size();
        auto const lower = std::from_chars(rest.data() + 1, last, counted.count_min);
        if (lower.ec != std::errc() || lower.ptr == last) return false;
        auto const* at = lower.ptr;
        counted.count_max = counted.count_min;
        if (*at == ',') {
            counted.count_max = unbounded;
            auto const upper = std::from_chars(++at, last, counted.count_max);
            if (upper.ec == std::errc::result_out_of_range) return false;
            at = upper.ptr;
        }
        if (at == last || *at != '}' || counted.count_max < counted.count_min) return false;
        rest.remove_prefix(static_cast<std::size_t>(at - rest.data()) + 1);
    }
    // A second mark ("+?", "a{2}*") is RE2's business.
    return rest.empty() || std::string_view("*+?{").find(rest.front()) == std::string_view::npos;
}

bool simple_pattern::leaves_no_choice() const noexcept {
    for (std::size_t at = 0; at < steps_.size(); ++at) {
        if (steps_[at].count_min == steps_[at].count_max) continue;
        for (std::size_t next = at + 1; next < steps_.size(); ++next) {
            if ((steps_[at].characters & steps_[next].characters).any()) return false;
            if (steps_[next].count_min > 0) break;
        }
    }
    return true;
}

std::optional<simple_pattern> simple_pattern::compile(std::string_view ecma) {
    if (!ecma.starts_with('^')) return std::nullopt;
    simple_pattern out;
    for (auto rest = ecma.substr(1); !rest.empty();) {
        if (rest == "$") {
            out.to_the_end_ = true;
            break;
        }
        auto const characters = read_characters(rest);
        step next;
        if (!characters || !read_count(rest, next)) return std::nullopt;
        next.characters = *characters;
        out.steps_.push_back(next);
    }
    return out.leaves_no_choice() ? std::optional(std::move(out)) : std::nullopt;
}

bool simple_pattern::matches(std::string_view text) const noexcept {
    char const* at = text.data();
    char const* const end = at + text.size();
    for (auto const& step : steps_) {
        std::uint32_t count = 0;
        while (count < step.count_max && at != end) {
            auto const c = static_cast<unsigned char>(*at);
            if (c >= 128 || !step.characters[c]) break;
            ++at;
            ++count;
        }
        if (count < step.count_min) return false;
    }
    return !to_the_end_ || at == end;
}

} // namespace gatehouse::json_schema
