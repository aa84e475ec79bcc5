#include "app/serve_settings.hpp"

#include "app/config.hpp"
#include "app/data_directory.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstdlib>

namespace gatehouse::app {

namespace {

struct listen_address {
    std::string host;
    std::uint16_t port = 0;
};

listen_address parse_listen(std::string const& text) {
    auto colon = text.rfind(':');
    unsigned port = 65'536;
    if (colon != std::string::npos) {
        auto const* end = text.data() + text.size();
        auto [stop, failure] = std::from_chars(text.data() + colon + 1, end, port);
        if (failure != std::errc() || stop != end) port = 65'536;
    }
    if (port > 65'535 || colon == 0) {
        throw startup_problem(
            "--listen '" + text + "' is not HOST:PORT, as in 127.0.0.1:8787 (port 0: any free one)."
        );
    }
    auto host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return {host, static_cast<std::uint16_t>(port)};
}

bool is_loopback(std::string const& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void check_proxy(std::string const& address) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    if (inet_pton(AF_INET, address.c_str(), parsed.data()) == 1) return;
    if (inet_pton(AF_INET6, address.c_str(), parsed.data()) == 1) return;
    throw startup_problem(
        "--behind-proxy: '" + address + "' is no IP address; name the one that the proxy connects from."
    );
}

void check_exposure(listen_address const& at, protocol::config const& config) {
    if (config.behind_proxy) return check_proxy(*config.behind_proxy);
    if (is_loopback(at.host)) return;
    throw startup_problem(
        "--listen " + at.host +
        " is reachable from other machines, and this gateway speaks no TLS itself: put a TLS proxy in "
        "front of it and name its address with --behind-proxy, or listen on 127.0.0.1."
    );
}

void take_options(protocol::config& config, serve_options const& options) {
    if (options.listen) config.listen = *options.listen;
    if (options.data) config.data = options.data->string();
    if (options.store) config.store = *options.store;
    if (options.behind_proxy) config.behind_proxy = *options.behind_proxy;
    if (options.roles.empty()) return;
    config.roles.clear();
    for (auto const& name : options.roles) {
        auto role = protocol::parse_process_role(name);
        if (!role)
            throw startup_problem(
                "--roles: '" + name + "' is not a role; there are edge, worker and scheduler."
            );
        config.roles.push_back(*role);
    }
}

net::server_options server_options_of(protocol::config const& config, listen_address const& at) {
    net::server_options o;
    o.host = at.host;
    o.port = at.port;
    o.allowed_hosts = config.allowed_hosts;
    o.allowed_origins = config.allowed_origins;
    o.trusted_proxy = config.behind_proxy;
    auto const& limits = config.limits;
    o.max_frame_bytes = static_cast<std::size_t>(limits.max_frame_bytes);
    o.max_body_bytes = static_cast<std::size_t>(limits.artifact_bytes_max);
    o.outbound_bytes_max = static_cast<std::size_t>(limits.outbound_bytes_max);
    o.unauthenticated_per_address_max = static_cast<std::size_t>(limits.unauthenticated_per_address);
    o.unauthenticated_max = static_cast<std::size_t>(limits.unauthenticated_total);
    o.heartbeat = std::chrono::milliseconds(limits.heartbeat_ms);
    o.handshake_timeout = std::chrono::milliseconds(limits.handshake_ms);
    return o;
}

core::retention_times retention_times_of(protocol::retention const& config) {
    core::retention_times kept;
    kept.events = std::chrono::milliseconds(config.events_ms);
    kept.firings = std::chrono::milliseconds(config.firings_ms);
    if (config.runs_ms) kept.runs = std::chrono::milliseconds(*config.runs_ms);
    return kept;
}

} // namespace

std::filesystem::path default_data_directory() {
    if (auto const* base = std::getenv("XDG_DATA_HOME"); base && *base)
        return std::filesystem::path(base) / "gatehouse";
    if (auto const* home = std::getenv("HOME"); home && *home)
        return std::filesystem::path(home) / ".local/share/gatehouse";
    return "gatehouse-data";
}

serve_settings resolve_settings(serve_options const& options) {
    serve_settings s;
    s.config = options.config_file ? read_config(*options.config_file) : default_config();
    take_options(s.config, options);
    auto at = parse_listen(s.config.listen);
    check_exposure(at, s.config);
    s.data = s.config.data ? std::filesystem::path(*s.config.data) : default_data_directory();
    s.store = s.config.store.value_or("sqlite:" + (s.data / "gatehouse.db").string());
    if (s.store.starts_with("sqlite:") && s.config.roles.size() < protocol::process_role_values.size()) {
        throw startup_problem("--roles: on SQLite one process does everything; leave --roles out, or use "
                              "--store postgresql://… for several processes.");
    }
    s.server = server_options_of(s.config, at);
    s.runs.slots = s.config.worker_slots;
    s.runs.session_labels = s.config.session_labels;
    s.runs.tool_patience = std::chrono::milliseconds(s.config.tool_patience_ms);
    s.runs.approval_ttl = std::chrono::milliseconds(s.config.approval_ttl_ms);
    s.limits.max_frame_bytes = s.config.limits.max_frame_bytes;
    s.limits.max_in_flight = s.config.limits.max_in_flight;
    s.limits.outbound_bytes_max = s.config.limits.outbound_bytes_max;
    s.limits.heartbeat_ms = s.config.limits.heartbeat_ms;
    s.limits.pairing_ttl = std::chrono::milliseconds(s.config.pairing_ttl_ms);
    s.kept = retention_times_of(s.config.retention);
    return s;
}

} // namespace gatehouse::app
