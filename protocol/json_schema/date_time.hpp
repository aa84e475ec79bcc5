#pragma once
// "format": "date-time".

#include <string_view>

namespace gatehouse::json_schema {

// Whether `text` is a date-time of RFC 3339: a day that exists, seconds up to 60 (a leap second only where
// UTC has 23:59:60), an offset.
bool is_date_time(std::string_view text) noexcept;

} // namespace gatehouse::json_schema
