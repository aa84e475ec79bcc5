#include "protocol/gen/methods/approval_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::approval_list::reply> handle(
    protocol::approval_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    core::approval_filter wanted;
    if (!who.sees_all()) wanted.principal = who.principal;
    wanted.state = p.state;
    wanted.after = p.after;
    wanted.limit = rows_for_page(p.limit, limits);
    return page_of<protocol::approval_list::reply>(
        view.approvals().list(wanted), wanted.limit, &core::approval::approval_id
    );
}

} // namespace

method_row make_approval_list(services const& s) {
    return expose(s, GATEHOUSE_CODEC(approval_list), &handle);
}

} // namespace gatehouse::app
