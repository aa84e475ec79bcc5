#pragma once
// A WebSocket that this process opens (RFC 6455, ws and wss). Text messages only, as the contract has it.
#include "app/net/http_client.hpp"
#include "app/net/server.hpp"

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app::net {

struct ws_client_options {
    std::string url;
    http_headers headers;                  // Authorization, …
    std::vector<std::string> subprotocols; // offered; one of them must be selected where there are any
    std::chrono::milliseconds connect_timeout{10'000}; // up to the end of the upgrade
    std::chrono::milliseconds silence_timeout{45'000
    }; // nothing came for so long, not even a ping: the peer is gone
    std::chrono::milliseconds close_timeout{2'000}; // for the peer's answer to a close frame
    std::size_t message_bytes_max = 16 << 20;
    std::size_t outbound_bytes_max = 8 << 20;
    tls_options tls;
};

struct ws_refusal {
    transport_error error;
    std::optional<client_response> answer; // where the server answered with something other than 101
};

// Loop only. After the last use `co_await end()`; only then may it be destroyed.
class ws_client {
  public:
    virtual ~ws_client() = default;

    // Queues one text message. False if it was not taken: the connection is closing, or more than
    // outbound_bytes_max would wait.
    virtual bool send(std::string text) = 0;

    // The next text message, or why there are no more. A binary message closes the connection with 1003. A
    // connection that broke without a close frame ends with 1006. One call at a time.
    virtual core::task<std::expected<std::string, close_reason>> receive() = 0;

    // Sends what is queued, then the close frame; receive() ends soon after.
    virtual void close(close_reason why) = 0;

    // Closes the socket at once.
    virtual void cut() = 0;

    // Cuts what is still open and waits for the writer. Nothing else may be awaited on this client at the
    // same time.
    virtual core::task<> end() = 0;
};

core::task<std::expected<std::unique_ptr<ws_client>, ws_refusal>>
connect_websocket(io_loop& loop, ws_client_options options, core::cancellation& stop);

} // namespace gatehouse::app::net
