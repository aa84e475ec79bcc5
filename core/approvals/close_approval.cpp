#include "core/approvals/close_approval.hpp"

#include "core/events/make_event.hpp"

namespace gatehouse::core {

void close_approval(transaction& tx, approval pending, approval_state how) {
    pending.state = how;
    pending.decided_at = tx.now();
    tx.approvals().save(pending);
    auto type = how == approval_state::expired ? "approval.expired" : "approval.resolved";
    tx.publish(make_approval_event(tx, pending, type));
}

} // namespace gatehouse::core
