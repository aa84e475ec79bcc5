#include "protocol/gen/methods/tool_invoke.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/invoke_call.hpp"

namespace gatehouse::app {
namespace {

using protocol::tool_invoke::reply;

core::task<result<reply>> handle(
    protocol::tool_invoke::params p, caller who, core::loop& on, core::database& db, core::node_router& nodes,
    core::run_settings const& settings
) {
    core::direct_call wanted;
    wanted.principal = who.principal;
    wanted.tool = p.tool;
    wanted.arguments = std::move(p.arguments);
    wanted.session_key = p.session_key;
    wanted.timeout = settings.tool_timeout;
    auto row = co_await invoke_call(std::move(wanted), std::move(who), on, db, nodes, settings);
    if (!row) co_return std::unexpected(row.error());
    reply r{{row->result.value_or("null")}, std::nullopt};
    if (auto evidence = evidence_of(*row); !evidence.empty()) r.artifacts = std::move(evidence);
    co_return r;
}

} // namespace

method_row make_tool_invoke(services const& s) { return expose(s, GATEHOUSE_CODEC(tool_invoke), &handle); }

} // namespace gatehouse::app
