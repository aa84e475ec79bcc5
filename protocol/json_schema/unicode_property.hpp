#pragma once
// Names of Unicode properties in \p{…}, as ECMA-262 writes them and as RE2 does.

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

// What stands for `\p{expression}` (or `\P{expression}`) between the brackets of a RE2 character class;
// nothing where RE2 has no such property.
std::optional<std::string> character_class_of(std::string_view expression, bool negated);

} // namespace gatehouse::json_schema
