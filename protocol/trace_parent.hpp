#pragma once
// The header of W3C Trace Context that a request may carry in params._meta.traceparent. It goes to logs and
// tapes.
#include <algorithm>
#include <optional>
#include <string_view>

namespace gatehouse {

// Views into the text it was read from.
struct trace_parent {
    std::string_view trace_id;  // 32 lower-case hex digits, not all 0
    std::string_view parent_id; // 16 of them
    bool sampled;
};

// "00-<trace id>-<parent id>-<flags>"; of later versions the part that is known. Nothing for anything else.
// Any thread.
inline std::optional<trace_parent> parse_trace_parent(std::string_view text) {
    auto const is_hex = [](std::string_view part) {
        return std::ranges::all_of(part, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        });
    };
    auto const is_zero = [](std::string_view part) {
        return part.find_first_not_of('0') == std::string_view::npos;
    };
    constexpr std::size_t size = 55;
    if (text.size() < size || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
    std::string_view const version = text.substr(0, 2);
    std::string_view const trace_id = text.substr(3, 32);
    std::string_view const parent_id = text.substr(36, 16);
    std::string_view const flags = text.substr(53, 2);
    if (!is_hex(version) || !is_hex(trace_id) || !is_hex(parent_id) || !is_hex(flags)) return std::nullopt;
    if (version == "ff" || is_zero(trace_id) || is_zero(parent_id)) return std::nullopt;
    if (text.size() > size && (version == "00" || text[size] != '-')) return std::nullopt;
    char const low = flags[1];
    return trace_parent{trace_id, parent_id, ((low <= '9' ? low - '0' : low - 'a' + 10) & 1) != 0};
}

} // namespace gatehouse
