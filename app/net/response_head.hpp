#pragma once
#include "app/net/server.hpp"

#include <ctime>
#include <string>

namespace gatehouse::app::net {

// How a body's end is told to the peer.
enum class body_framing { length, chunked, until_close, none };

// The status line and headers of one answer, with the empty line. `now` is for Date. Headers whose name or
// value could end the line early are left out and logged: nothing that a handler copies from a peer may
// become a header of its own.
std::string encode_response_head(
    http_response const& response, body_framing framing, std::size_t body_bytes, bool keep_alive,
    std::time_t now
);

} // namespace gatehouse::app::net
