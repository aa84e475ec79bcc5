#include "protocol/gen/methods/approval_resolve.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/approvals/resolve_approval.hpp"

namespace gatehouse::app {
namespace {

result<protocol::approval>
handle(protocol::approval_resolve::params p, caller const& who, core::transaction& tx) {
    core::approval_verdict verdict;
    verdict.approval_id = p.approval_id;
    verdict.decision = to_string(p.decision);
    verdict.grant = to_string(p.grant);
    if (p.grant_ttl_ms) verdict.grant_ttl = std::chrono::milliseconds(*p.grant_ttl_ms);
    verdict.grant_when = p.grant_when;
    verdict.reason = p.reason;
    verdict.subject_hash = p.subject_hash;
    auto decided = core::resolve_approval(tx, verdict, who.actor());
    return map_result(std::move(decided), [](core::approval const& a) { return describe(a); });
}

} // namespace

method_row make_approval_resolve(services const& s) {
    return expose(s, GATEHOUSE_CODEC(approval_resolve), &handle);
}

} // namespace gatehouse::app
