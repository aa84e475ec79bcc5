#include "protocol/gen/methods/session_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::session_list::reply> handle(
    protocol::session_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    core::session_filter wanted;
    if (!who.sees_all()) wanted.principal = who.principal;
    wanted.after = p.after;
    wanted.limit = rows_for_page(p.limit, limits);
    return page_of<protocol::session_list::reply>(
        view.sessions().list(wanted), wanted.limit, &core::session::session_id
    );
}

} // namespace

method_row make_session_list(services const& s) { return expose(s, GATEHOUSE_CODEC(session_list), &handle); }

} // namespace gatehouse::app
