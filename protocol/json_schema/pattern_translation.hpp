#pragma once
// From the regular expressions of JSON Schema (ECMA-262 with the "u" flag) to those of RE2.

#include <expected>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

// The pattern in RE2's syntax, for an unanchored search without captures; or a sentence that says what in it
// can't be kept in linear time (look-around, back-references) or isn't ECMA-262. RE2 may still refuse the
// result.
std::expected<std::string, std::string> translate_pattern(std::string_view ecma);

} // namespace gatehouse::json_schema
