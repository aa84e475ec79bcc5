#include "protocol/gen/methods/trigger_firings.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"
#include "core/triggers/change_trigger.hpp"

namespace gatehouse::app {
namespace {

result<protocol::trigger_firings::reply> handle(
    protocol::trigger_firings::params p, caller const& who, core::snapshot& view,
    contract_limits const& limits
) {
    auto of = core::find_trigger(view, p.name, who.actor());
    if (!of) return std::unexpected(of.error());
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::trigger_firings::reply>(
        view.triggers().firings(of->trigger_id, p.after, asked), asked, &core::trigger_firing::slot
    );
}

} // namespace

method_row make_trigger_firings(services const& s) {
    return expose(s, GATEHOUSE_CODEC(trigger_firings), &handle);
}

} // namespace gatehouse::app
