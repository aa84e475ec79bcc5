#pragma once
// Text from models, tools and other people, made fit for a terminal.
#include <string>
#include <string_view>

namespace gatehouse::app::cli {

// Control characters other than line feed and tab become visible signs, so that nobody's output moves the
// cursor, changes the title or paints over a question.
std::string printable(std::string_view text);

// The same on one line, cut at `bytes_max` with "…".
std::string one_line(std::string_view text, std::size_t bytes_max);

} // namespace gatehouse::app::cli
