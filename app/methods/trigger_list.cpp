#include "protocol/gen/methods/trigger_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::trigger_list::reply> handle(
    protocol::trigger_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    core::trigger_filter wanted;
    if (!who.sees_all()) wanted.principal = who.principal;
    wanted.after = p.after;
    wanted.limit = rows_for_page(p.limit, limits);
    return page_of<protocol::trigger_list::reply>(
        view.triggers().list(wanted), wanted.limit, &core::trigger::name
    );
}

} // namespace

method_row make_trigger_list(services const& s) { return expose(s, GATEHOUSE_CODEC(trigger_list), &handle); }

} // namespace gatehouse::app
