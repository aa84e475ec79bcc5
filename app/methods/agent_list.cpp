#include "protocol/gen/methods/agent_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::agent_list::reply>
handle(protocol::agent_list::params p, caller const&, core::snapshot& view, contract_limits const& limits) {
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::agent_list::reply>(
        view.agents().list(p.after, asked), asked, &core::agent::name
    );
}

} // namespace

method_row make_agent_list(services const& s) { return expose(s, GATEHOUSE_CODEC(agent_list), &handle); }

} // namespace gatehouse::app
