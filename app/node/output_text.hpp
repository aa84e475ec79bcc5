#pragma once
// Bytes of files and programs as text that may stand in JSON. Any thread.
#include <string>
#include <string_view>

namespace gatehouse::app::node {

// Valid UTF-8 without control characters other than tab and line ends: what people mean by a text file.
bool is_plain_text(std::string_view bytes);

// The bytes with U+FFFD in the place of each that is not part of valid UTF-8.
std::string to_utf8(std::string_view bytes);

} // namespace gatehouse::app::node
