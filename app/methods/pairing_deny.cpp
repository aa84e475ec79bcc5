#include "protocol/gen/methods/pairing_deny.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/nodes/change_pairing.hpp"

namespace gatehouse::app {
namespace {

result<protocol::pairing> handle(protocol::pairing_deny::params p, caller const& who, core::transaction& tx) {
    auto denied = core::deny_pairing(tx, p.pairing_id, who.principal, p.reason);
    return map_result(std::move(denied), [](core::pairing const& refused) { return describe(refused); });
}

} // namespace

method_row make_pairing_deny(services const& s) { return expose(s, GATEHOUSE_CODEC(pairing_deny), &handle); }

} // namespace gatehouse::app
