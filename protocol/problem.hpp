#pragma once
// An error as an HTTP body: application/problem+json (RFC 9457). The status is http_status_of(why.code),
// but where HTTP has a closer one.
#include "protocol/error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

inline constexpr std::string_view problem_media_type = "application/problem+json";

// {"type":"urn:gatehouse:error:<kind>","title":…,"status":…,"detail":…,"code":…,"data":{…}}. Any thread.
std::string problem_json(error const& why, std::optional<int> status = {});

} // namespace gatehouse
