#pragma once
#include "app/net/http_head.hpp"
#include "app/net/server.hpp"

namespace gatehouse::app::net {

// The answer to a request that net itself refuses: application/problem+json (RFC 9457) in the terms of the
// contract's errors.
http_response problem_response(refusal const& why);

// "Not Found" for 404; "" for a status that has no phrase here.
std::string_view reason_phrase(int status) noexcept;

} // namespace gatehouse::app::net
