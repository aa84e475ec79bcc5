#include "protocol/gen/methods/node_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::node_list::reply>
handle(protocol::node_list::params p, caller const&, core::snapshot& view, contract_limits const& limits) {
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::node_list::reply>(
        view.nodes().list(p.after, asked), asked, &core::node::device_id
    );
}

} // namespace

method_row make_node_list(services const& s) { return expose(s, GATEHOUSE_CODEC(node_list), &handle); }

} // namespace gatehouse::app
