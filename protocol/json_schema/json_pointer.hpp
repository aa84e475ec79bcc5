#pragma once
// JSON Pointer (RFC 6901): writing one token, and following a pointer step by step.

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace gatehouse::json_schema {

// Appends "/" and the escaped token.
void append_token(std::string& pointer, std::string_view token);

// "/keyword" or "/keyword/name", escaped.
std::string pointer_to(std::string_view keyword);
std::string pointer_to(std::string_view keyword, std::string_view name);

// Undoes "~1" and "~0".
std::string unescape_token(std::string_view token);

// The member or item that an unescaped token names, or null.
boost::json::value const* step_into(boost::json::value const& value, std::string_view token);

} // namespace gatehouse::json_schema
