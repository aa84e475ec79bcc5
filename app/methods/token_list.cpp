#include "protocol/gen/methods/token_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::token_list::reply>
handle(protocol::token_list::params p, caller const&, core::snapshot& view, contract_limits const& limits) {
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::token_list::reply>(
        view.tokens().list(p.after, asked), asked, &core::token::token_id
    );
}

} // namespace

method_row make_token_list(services const& s) { return expose(s, GATEHOUSE_CODEC(token_list), &handle); }

} // namespace gatehouse::app
