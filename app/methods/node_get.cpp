#include "protocol/gen/methods/node_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/nodes/change_pairing.hpp"

namespace gatehouse::app {
namespace {

result<protocol::node> handle(protocol::node_get::params p, caller const&, core::snapshot& view) {
    return map_result(core::find_node(view, p.node), [](core::node const& n) { return describe(n); });
}

} // namespace

method_row make_node_get(services const& s) { return expose(s, GATEHOUSE_CODEC(node_get), &handle); }

} // namespace gatehouse::app
