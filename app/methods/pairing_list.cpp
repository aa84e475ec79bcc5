#include "protocol/gen/methods/pairing_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::pairing_list::reply>
handle(protocol::pairing_list::params p, caller const&, core::snapshot& view, contract_limits const& limits) {
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::pairing_list::reply>(
        view.nodes().list_pairings(std::string(to_string(p.state)), p.after, asked), asked,
        &core::pairing::pairing_id
    );
}

} // namespace

method_row make_pairing_list(services const& s) { return expose(s, GATEHOUSE_CODEC(pairing_list), &handle); }

} // namespace gatehouse::app
