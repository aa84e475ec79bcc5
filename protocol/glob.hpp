#pragma once
// The patterns of policy rules, tool lists and allow lists: "*" is any run of characters, none too, "?" is
// one character, everything else is itself. There is no escape and no character class; upper and lower case
// differ.
#include <string_view>

namespace gatehouse {

// Whether `pattern` matches all of `text`; both are UTF-8. Takes no memory, and at most size(pattern) ×
// size(text) steps. Any thread.
bool glob_matches(std::string_view pattern, std::string_view text);

} // namespace gatehouse
