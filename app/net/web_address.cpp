#include "app/net/web_address.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <cstdlib>

namespace gatehouse::app::net {

std::string web_address::host_header() const {
    auto name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
    return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::expected<web_address, std::string> parse_web_address(std::string_view url) {
    auto const parsed = boost::urls::parse_uri({url.data(), url.size()});
    if (!parsed) return std::unexpected(fmt::format("\"{}\" is not a URL", url));
    boost::urls::url_view const& parts = *parsed;
    auto const scheme = std::string(parts.scheme());
    bool const tls = scheme == "https" || scheme == "wss";
    if (!tls && scheme != "http" && scheme != "ws") {
        return std::unexpected(fmt::format("\"{}\" is not an http, https, ws or wss URL", url));
    }
    if (parts.has_userinfo())
        return std::unexpected("the URL carries a user name or a password; they don't belong there");
    if (parts.has_fragment()) return std::unexpected("the URL has a part after '#', which is never sent");
    web_address address;
    address.tls = tls;
    address.host = parts.host_address();
    if (address.host.empty()) return std::unexpected(fmt::format("the URL \"{}\" names no host", url));
    address.port = tls ? 443 : 80;
    if (parts.has_port() && !parts.port().empty()) {
        // port_number() is silent about what doesn't fit into 16 bits.
        auto const number = std::strtoul(std::string(parts.port()).c_str(), nullptr, 10);
        address.port = number > 65535 ? 0 : static_cast<std::uint16_t>(number);
        if (address.port == 0)
            return std::unexpected(fmt::format("the port of \"{}\" is not from 1 to 65535", url));
    }
    address.target = std::string(parts.encoded_path());
    if (address.target.empty()) address.target = "/";
    if (parts.has_query()) address.target += "?" + std::string(parts.encoded_query());
    return address;
}

} // namespace gatehouse::app::net
