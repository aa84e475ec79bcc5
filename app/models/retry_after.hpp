#pragma once
// The Retry-After header of an answer (RFC 9110 10.2.3).
#include "protocol/timestamp.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace gatehouse::app::models {

// Seconds, or a date compared with `now`; a date that has passed is 0. At most a day. Nothing for anything
// else.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, timestamp now);

} // namespace gatehouse::app::models
