#include "app/client/gateway_address.hpp"

#include "app/net/web_address.hpp"

#include <fmt/format.h>

namespace gatehouse::app::client {

std::expected<gateway_address, std::string> parse_gateway_address(std::string_view text) {
    auto const url =
        text.find("://") == std::string_view::npos ? fmt::format("http://{}", text) : std::string(text);
    auto const parts = net::parse_web_address(url);
    if (!parts)
        return std::unexpected(fmt::format("The gateway's address can't be used: {}.", parts.error()));
    if (parts->target != "/" && parts->target != "/ws" && parts->target != "/ws/") {
        return std::unexpected(fmt::format(
            "The gateway's address can't be used: \"{}\" has a path; give http://HOST:PORT.", text
        ));
    }
    auto const host = parts->host_header();
    return gateway_address{
        fmt::format("{}://{}", parts->tls ? "https" : "http", host),
        fmt::format("{}://{}/ws", parts->tls ? "wss" : "ws", host)
    };
}

} // namespace gatehouse::app::client
