#include "protocol/gen/methods/node_rename.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/nodes/change_pairing.hpp"

namespace gatehouse::app {
namespace {

result<protocol::node> handle(protocol::node_rename::params p, caller const&, core::transaction& tx) {
    auto renamed = core::rename_node(tx, p.node, p.label);
    return map_result(std::move(renamed), [](core::node const& n) { return describe(n); });
}

} // namespace

method_row make_node_rename(services const& s) { return expose(s, GATEHOUSE_CODEC(node_rename), &handle); }

} // namespace gatehouse::app
