#pragma once
// Everything a handler may ask for by naming it in its signature. References only: what is not wired does not
// compile.
#include "core/events/event_relay.hpp"
#include "core/nodes/node_router.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"
#include "core/runs/run_settings.hpp"
#include "core/runs/tape_feed.hpp"
#include "core/runs/worker.hpp"
#include "core/storage/database.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

namespace gatehouse::app {

// What gateway.status tells, as far as it does not stand in the store.
struct gateway_facts {
    std::string gateway_id;
    std::string instance_id;
    std::string backend; // "sqlite", "postgresql"
    std::int64_t schema_version = 0;
    std::vector<std::string> roles;
    core::steady_time started_at{};
    std::function<std::int64_t()> connections;
};

// Bounds of the contract that handlers and sessions apply.
struct contract_limits {
    std::int64_t max_frame_bytes = 1 << 20;
    std::int64_t max_in_flight = 128;
    std::int64_t outbound_bytes_max = 8 << 20;
    std::int64_t heartbeat_ms = 15'000;
    std::chrono::milliseconds pairing_ttl{3600'000};
    std::int64_t list_limit_max = 1'000;
};

using service_refs = std::tuple<
    core::loop&, core::database&, core::clock const&, core::random_source&, core::run_settings const&,
    core::worker&, core::event_relay&, core::tape_feed&, core::node_router&, core::secret_filter const&,
    gateway_facts const&, contract_limits const&>;

struct services {
    service_refs refs;

    template <class T>
    T& get() const {
        return std::get<T&>(refs);
    }
};

} // namespace gatehouse::app
