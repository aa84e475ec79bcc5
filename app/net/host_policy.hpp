#pragma once
// Which names the gateway answers to, and which web pages may speak to it. Compared byte by byte: what a
// browser sends is in canonical form already, and every other form is somebody's trick (rebinding, suffixes,
// trailing dots).
#include "app/net/server.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace gatehouse::app::net {

class host_policy {
  public:
    // `port`: the one that is really listened on.
    host_policy(server_options const& options, std::uint16_t port);

    // Names of hosts have no case; everything else must be the same to the letter.
    bool allows_host(std::string_view host) const;
    bool allows_origin(std::string_view origin) const { return origins_.contains(origin); }

  private:
    // `host` as it stands in a URL, with the port unless it is the scheme's own.
    void allow(std::string const& host, std::uint16_t port);

    std::set<std::string, std::less<>> hosts_;
    std::set<std::string, std::less<>> origins_;
};

} // namespace gatehouse::app::net
