#include "protocol/gen/methods/agent_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/agents/change_agent.hpp"

namespace gatehouse::app {
namespace {

result<protocol::agent> handle(protocol::agent_get::params p, caller const&, core::snapshot& view) {
    return map_result(core::find_agent(view, p.name), [](core::agent const& a) { return describe(a); });
}

} // namespace

method_row make_agent_get(services const& s) { return expose(s, GATEHOUSE_CODEC(agent_get), &handle); }

} // namespace gatehouse::app
