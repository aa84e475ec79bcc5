#include "protocol/gen/methods/agent_delete.hpp"
#include "app/dispatch/expose.hpp"
#include "core/agents/change_agent.hpp"

namespace gatehouse::app {
namespace {

result<protocol::agent_delete::reply>
handle(protocol::agent_delete::params p, caller const&, core::transaction& tx) {
    if (auto deleted = core::delete_agent(tx, p.name); !deleted) return std::unexpected(deleted.error());
    return protocol::agent_delete::reply{};
}

} // namespace

method_row make_agent_delete(services const& s) { return expose(s, GATEHOUSE_CODEC(agent_delete), &handle); }

} // namespace gatehouse::app
