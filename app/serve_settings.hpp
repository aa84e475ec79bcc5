#pragma once
// Options, environment and file as one: what a process of the gateway works with.
#include "app/application.hpp"
#include "app/dispatch/services.hpp"
#include "app/net/server.hpp"
#include "core/runs/run_settings.hpp"
#include "core/scheduler/scheduler.hpp"
#include "protocol/gen/config.hpp"

#include <algorithm>

namespace gatehouse::app {

struct serve_settings {
    protocol::config config;
    std::filesystem::path data;
    std::string store; // URL; may hold a password
    net::server_options server;
    core::run_settings runs; // without the instance id
    contract_limits limits;
    core::retention_times kept;

    bool has_role(protocol::process_role r) const {
        return std::ranges::find(config.roles, r) != config.roles.end();
    }
};

// Throws startup_problem: a file that cannot be used, an address that is not one, an address beyond loopback
// without a proxy in front of it.
serve_settings resolve_settings(serve_options const& options);

} // namespace gatehouse::app
