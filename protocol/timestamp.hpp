#pragma once
// Wall-clock instants: UTC with milliseconds, in memory as a count, on the wire as RFC 3339
// ("2026-01-31T08:00:00.000Z").
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// Always 24 characters. Years 0000 to 9999.
std::string format_timestamp(timestamp t);

// Any RFC 3339 date-time, with an offset too; fractions beyond milliseconds are cut off. Nothing for anything
// else.
std::optional<timestamp> parse_timestamp(std::string_view text);

inline std::int64_t to_ms(timestamp t) { return t.time_since_epoch().count(); }
inline timestamp from_ms(std::int64_t ms) { return timestamp(std::chrono::milliseconds(ms)); }

} // namespace gatehouse
