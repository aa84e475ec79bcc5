#pragma once
// Where a gateway is, as people write it.
#include <expected>
#include <string>
#include <string_view>

namespace gatehouse::app::client {

struct gateway_address {
    std::string http;      // "http://127.0.0.1:8787", without a slash at the end
    std::string websocket; // "ws://127.0.0.1:8787/ws"
};

// Takes "127.0.0.1:8787", "localhost:8787", and http, https, ws and wss URLs, with or without the path /ws.
// The failure is a sentence.
std::expected<gateway_address, std::string> parse_gateway_address(std::string_view text);

} // namespace gatehouse::app::client
