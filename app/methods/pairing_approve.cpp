#include "protocol/gen/methods/pairing_approve.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/nodes/change_pairing.hpp"

namespace gatehouse::app {
namespace {

result<protocol::pairing>
handle(protocol::pairing_approve::params p, caller const& who, core::transaction& tx) {
    core::pairing_approval wanted{
        p.pairing_id, p.allow, std::string(to_string(p.trust)), p.label, who.principal
    };
    auto approved = core::approve_pairing(tx, wanted);
    return map_result(std::move(approved), [](core::pairing const& paired) { return describe(paired); });
}

} // namespace

method_row make_pairing_approve(services const& s) {
    return expose(s, GATEHOUSE_CODEC(pairing_approve), &handle);
}

} // namespace gatehouse::app
