#pragma once
#include <cstddef>
#include <string_view>

namespace gatehouse {

// The first bytes of a UTF-8 text, at most `bytes_max`, cut between two characters.
constexpr std::string_view beginning_of(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    auto end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

} // namespace gatehouse
