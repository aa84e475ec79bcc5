#include "protocol/gen/methods/grant_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::grant_list::reply> handle(
    protocol::grant_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    auto asked = rows_for_page(p.limit, limits);
    auto owner = who.sees_all() ? std::nullopt : std::optional(who.principal);
    return page_of<protocol::grant_list::reply>(
        view.grants().list(owner, p.after, asked), asked, &core::grant::grant_id
    );
}

} // namespace

method_row make_grant_list(services const& s) { return expose(s, GATEHOUSE_CODEC(grant_list), &handle); }

} // namespace gatehouse::app
