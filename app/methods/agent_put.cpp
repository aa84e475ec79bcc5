#include "protocol/gen/methods/agent_put.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/agents/change_agent.hpp"
#include "protocol/json_codec.hpp"

namespace gatehouse::app {
namespace {

result<protocol::agent> handle(protocol::agent_put::params p, caller const&, core::transaction& tx) {
    core::agent wanted;
    wanted.name = p.name;
    wanted.model = p.model;
    wanted.system_prompt = p.system_prompt;
    wanted.tools = p.tools;
    wanted.temperature = p.temperature;
    wanted.max_turns = p.max_turns;
    if (p.budgets) wanted.budgets = protocol::to_json_text(*p.budgets);
    return describe(core::put_agent(tx, std::move(wanted)));
}

} // namespace

method_row make_agent_put(services const& s) { return expose(s, GATEHOUSE_CODEC(agent_put), &handle); }

} // namespace gatehouse::app
