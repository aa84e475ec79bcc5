#include "protocol/gen/methods/run_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"
#include "core/sessions/resolve_session.hpp"

namespace gatehouse::app {
namespace {

result<protocol::run_list::reply>
handle(protocol::run_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits) {
    core::run_filter wanted;
    if (p.session_id) {
        auto in = core::find_session(view, *p.session_id, who.principal, who.sees_all());
        if (!in) return std::unexpected(in.error());
        wanted.session_id = p.session_id;
    }
    if (!who.sees_all()) wanted.principal = who.principal;
    wanted.state = p.state;
    wanted.after = p.after;
    wanted.limit = rows_for_page(p.limit, limits);
    return page_of<protocol::run_list::reply>(view.runs().list(wanted), wanted.limit, &core::run::run_id);
}

} // namespace

method_row make_run_list(services const& s) { return expose(s, GATEHOUSE_CODEC(run_list), &handle); }

} // namespace gatehouse::app
