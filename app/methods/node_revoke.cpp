#include "protocol/gen/methods/node_revoke.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/nodes/change_pairing.hpp"

namespace gatehouse::app {
namespace {

result<protocol::node> handle(protocol::node_revoke::params p, caller const&, core::transaction& tx) {
    return map_result(core::revoke_node(tx, p.node), [](core::node const& n) { return describe(n); });
}

} // namespace

method_row make_node_revoke(services const& s) { return expose(s, GATEHOUSE_CODEC(node_revoke), &handle); }

} // namespace gatehouse::app
