#include "protocol/gen/methods/gateway_status.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"

namespace gatehouse::app {
namespace {

using protocol::gateway_status::reply;

protocol::run_counts count_runs(core::snapshot const& view) {
    using core::run_state;
    auto counts = view.runs().count_by_state();
    return {counts[run_state::accepted],  counts[run_state::running], counts[run_state::waiting],
            counts[run_state::succeeded], counts[run_state::failed],  counts[run_state::cancelled]};
}

std::vector<protocol::instance> list_instances(core::snapshot const& view) {
    std::vector<protocol::instance> list;
    for (auto const& i : view.instances().list()) list.push_back(describe(i));
    return list;
}

// What the process knows of itself is put together on the loop; the rest is one read.
core::task<result<reply>> handle(
    protocol::gateway_status::params, caller, core::loop& on, core::database& db, gateway_facts const& facts
) {
    auto unit = [](core::snapshot& view) { return std::pair(count_runs(view), list_instances(view)); };
    auto stored = co_await db.read(std::move(unit));
    reply r;
    r.gateway_id = facts.gateway_id;
    r.instance_id = facts.instance_id;
    r.version = GATEHOUSE_VERSION;
    r.roles = describe_roles(facts.roles);
    r.store.backend = protocol::parse_store_backend(facts.backend).value_or(protocol::store_backend::sqlite);
    r.store.schema_version = facts.schema_version;
    r.uptime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(on.now() - facts.started_at).count();
    r.connections = facts.connections ? facts.connections() : 0;
    std::tie(r.runs, r.instances) = std::move(stored);
    co_return r;
}

} // namespace

method_row make_gateway_status(services const& s) {
    return expose(s, GATEHOUSE_CODEC(gateway_status), &handle);
}

} // namespace gatehouse::app
