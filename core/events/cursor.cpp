#include "core/events/cursor.hpp"

#include <charconv>

namespace gatehouse::core {

namespace {

bool take_number(std::string_view& text, std::int64_t& to) {
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (failure != std::errc() || to < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

} // namespace

std::string encode_cursor(cursor const& c) {
    return "c" + std::to_string(c.epoch) + "." + std::to_string(c.seq);
}

std::optional<cursor> decode_cursor(std::string_view text) {
    cursor c;
    auto rest = text;
    if (rest.empty() || rest.front() != 'c') return std::nullopt;
    rest.remove_prefix(1);
    if (!take_number(rest, c.epoch) || rest.empty() || rest.front() != '.') return std::nullopt;
    rest.remove_prefix(1);
    if (!take_number(rest, c.seq) || !rest.empty() || encode_cursor(c) != text) return std::nullopt;
    return c;
}

} // namespace gatehouse::core
