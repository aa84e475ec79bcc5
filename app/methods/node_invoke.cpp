#include "protocol/gen/methods/node_invoke.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/invoke_call.hpp"
#include "core/tools/tool.hpp"

namespace gatehouse::app {
namespace {

using protocol::node_invoke::reply;

constexpr std::chrono::milliseconds timeout_default{30'000};
// A connection through which nothing is heard for longer is of no use to anybody.
constexpr std::chrono::milliseconds timeout_max{600'000};

core::direct_call make_call(protocol::node_invoke::params const& p, caller const& who) {
    core::direct_call wanted;
    wanted.principal = who.principal;
    wanted.tool = core::node_tool_name(p.capability, p.operation);
    wanted.arguments = p.arguments;
    wanted.node = p.node;
    wanted.timeout =
        p.timeout_ms ? std::min(std::chrono::milliseconds(*p.timeout_ms), timeout_max) : timeout_default;
    if (p.queue_ttl_ms) wanted.queue_ttl = std::chrono::milliseconds(*p.queue_ttl_ms);
    return wanted;
}

core::task<result<reply>> handle(
    protocol::node_invoke::params p, caller who, core::loop& on, core::database& db, core::node_router& nodes,
    core::run_settings const& settings
) {
    auto wanted = make_call(p, who);
    auto row = co_await invoke_call(std::move(wanted), std::move(who), on, db, nodes, settings);
    if (!row) co_return std::unexpected(row.error());
    reply r;
    r.invocation_id = row->invocation_id;
    r.state = protocol::parse_invocation_state(row->state).value_or(protocol::invocation_state::queued);
    if (row->result) r.result = protocol::raw_json{*row->result};
    r.evidence = evidence_of(*row);
    co_return r;
}

} // namespace

method_row make_node_invoke(services const& s) { return expose(s, GATEHOUSE_CODEC(node_invoke), &handle); }

} // namespace gatehouse::app
