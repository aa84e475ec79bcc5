#pragma once
// The words of violations. They tell what the schema wants, never a value of the instance: that may be a
// secret.

#include "protocol/json_schema/node.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::json_schema::text {

// "must be a string or null, not a number"
std::string wrong_type(std::uint8_t types, boost::json::value const& value);

// "must be "a"", "must be one of: "a", 1"
std::string wrong_value(value_rules const& rules);

// "must be at least 3", with the number as a person writes it
std::string wrong_number(std::string_view relation, boost::json::value const& bound);

// "must have at least 1 item"; `noun` in the singular
std::string
wrong_count(std::string_view verb, std::string_view relation, std::size_t bound, std::string_view noun);

// "must match the pattern ^a$"
std::string wrong_pattern(pattern const& wanted);

// "is not a known member; known are: a, b"
std::string unknown_member(object_rules const& rules);

} // namespace gatehouse::json_schema::text
