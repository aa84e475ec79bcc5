#pragma once
// A socket that speaks HTTP/1.1, seen without Beast by the listener.
#include "app/net/address_budget.hpp"
#include "app/net/server_state.hpp"
#include "app/net/socket.hpp"

#include <memory>
#include <string>

namespace gatehouse::app::net {

struct accepted_socket {
    std::shared_ptr<server_state> server;
    tcp_socket socket; // non-blocking
    std::string remote_address;
    address_budget::ticket unauthenticated;
};

// Starts to serve it. The connection lives by its own operations from here on.
void serve_http(accepted_socket from);

} // namespace gatehouse::app::net
