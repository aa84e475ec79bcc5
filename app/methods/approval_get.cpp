#include "protocol/gen/methods/approval_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/approvals/resolve_approval.hpp"

namespace gatehouse::app {
namespace {

result<protocol::approval> handle(protocol::approval_get::params p, caller const& who, core::snapshot& view) {
    auto found = core::find_approval(view, p.approval_id, who.actor());
    return map_result(std::move(found), [](core::approval const& a) { return describe(a); });
}

} // namespace

method_row make_approval_get(services const& s) { return expose(s, GATEHOUSE_CODEC(approval_get), &handle); }

} // namespace gatehouse::app
