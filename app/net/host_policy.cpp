#include "app/net/host_policy.hpp"

#include <fmt/format.h>

namespace gatehouse::app::net {

host_policy::host_policy(server_options const& options, std::uint16_t port) {
    for (auto const* loopback : {"127.0.0.1", "localhost", "[::1]"}) allow(loopback, port);
    bool is_any = options.host == "0.0.0.0" || options.host == "::";
    if (!is_any)
        allow(options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]", port);
    for (auto const& name : options.allowed_hosts) {
        bool has_port = name.find(':', name.starts_with('[') ? name.find(']') : 0) != std::string::npos;
        // Behind a proxy the name comes without our port, and the page itself by https.
        hosts_.insert(name);
        origins_.insert("http://" + name);
        if (options.trusted_proxy) origins_.insert("https://" + name);
        if (!has_port) allow(name, port);
    }
    origins_.insert(options.allowed_origins.begin(), options.allowed_origins.end());
    origins_.erase("null"); // every sandboxed page has this one
}

bool host_policy::allows_host(std::string_view host) const {
    std::string lower(host);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return hosts_.contains(lower);
}

void host_policy::allow(std::string const& host, std::uint16_t port) {
    auto with_port = fmt::format("{}:{}", host, port);
    hosts_.insert(with_port);
    // A browser leaves out the port that belongs to the scheme, and an origin never has it.
    origins_.insert("http://" + (port == 80 ? host : with_port));
    if (port == 80) hosts_.insert(host);
}

} // namespace gatehouse::app::net
