#include "protocol/gen/methods/grant_revoke.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/approvals/revoke_grant.hpp"

namespace gatehouse::app {
namespace {

result<protocol::grant> handle(protocol::grant_revoke::params p, caller const& who, core::transaction& tx) {
    auto revoked = core::revoke_grant(tx, p.grant_id, who.actor());
    return map_result(std::move(revoked), [](core::grant const& g) { return describe(g); });
}

} // namespace

method_row make_grant_revoke(services const& s) { return expose(s, GATEHOUSE_CODEC(grant_revoke), &handle); }

} // namespace gatehouse::app
