#pragma once
// An open WebSocket, seen without Beast by those who make one.
#include "app/net/address_budget.hpp"
#include "app/net/server_state.hpp"
#include "app/net/socket.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace gatehouse::app::net {

// What an HTTP connection has when its request to upgrade was granted.
struct upgraded_socket {
    std::shared_ptr<server_state> server;
    tcp_socket socket; // non-blocking, with nothing read that isn't in the request
    std::uint64_t connection_id;
    address_budget::ticket unauthenticated; // may be empty
    std::unique_ptr<peer_session> session;
};

// Answers 101 and starts. The connection lives by its own operations from here on. `key`: the request's
// Sec-WebSocket-Key.
void open_websocket(upgraded_socket from, std::string_view key);

} // namespace gatehouse::app::net
