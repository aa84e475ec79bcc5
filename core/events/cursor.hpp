#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::core {

// A place in the event log. Opaque to peers, valid on every instance.
struct cursor {
    std::int64_t epoch = 1;
    std::int64_t seq = 0;
};

// "c<epoch>.<seq>".
std::string encode_cursor(cursor const& c);
// Nothing for anything that encode_cursor did not make.
std::optional<cursor> decode_cursor(std::string_view text);

} // namespace gatehouse::core
