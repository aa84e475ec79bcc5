#pragma once
// An http, https, ws or wss URL, taken apart for a client.
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace gatehouse::app::net {

struct web_address {
    bool tls = false;
    std::string host; // a name or a numeric address, without brackets
    std::uint16_t port = 0;
    std::string target; // path and query as they go into the request line, "/" at least

    // What stands in the Host header: the port only where it isn't the scheme's own.
    std::string host_header() const;
};

// The failure is a sentence that names what is wrong. A user name, a password or a fragment is refused:
// secrets don't belong in a URL, and a fragment would be lost silently.
std::expected<web_address, std::string> parse_web_address(std::string_view url);

} // namespace gatehouse::app::net
