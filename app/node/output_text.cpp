#include "app/node/output_text.hpp"

#include <algorithm>
#include <cstddef>

namespace gatehouse::app::node {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Size of the character that `bytes` begins with; 0 where it isn't valid UTF-8 (RFC 3629).
std::size_t character_size(std::string_view bytes) {
    auto const at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    auto const first = at(0);
    if (first < 0x80) return 1;
    std::size_t const size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || bytes.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if (!is_continuation(at(i))) return 0;
    }
    bool const overlong = (first == 0xE0 && at(1) < 0xA0) || (first == 0xF0 && at(1) < 0x90);
    bool const surrogate = first == 0xED && at(1) > 0x9F;
    bool const too_large = first == 0xF4 && at(1) > 0x8F;
    return overlong || surrogate || too_large ? 0 : size;
}

} // namespace

bool is_plain_text(std::string_view bytes) {
    while (!bytes.empty()) {
        auto const size = character_size(bytes);
        auto const first = static_cast<unsigned char>(bytes[0]);
        bool const is_control =
            (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7F;
        if (size == 0 || is_control) return false;
        bytes.remove_prefix(size);
    }
    return true;
}

std::string to_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        auto const size = character_size(bytes);
        if (size == 0)
            text += "\xEF\xBF\xBD";
        else
            text += bytes.substr(0, size);
        bytes.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return text;
}

} // namespace gatehouse::app::node
