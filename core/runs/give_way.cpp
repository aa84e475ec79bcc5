#include "core/runs/give_way.hpp"

#include "core/approvals/resolve_approval.hpp"
#include "protocol/beginning_of.hpp"

namespace gatehouse::core {

namespace {

// As long as a reason may be on the wire.
std::string to_reason(std::string const& message) { return std::string(beginning_of(message, 1'024)); }

// A question about an unknown outcome stays open: the message is no answer to it.
void deny_open_calls(transaction& tx, run const& head, std::string const& message, actor const& who) {
    for (auto const& open : tx.approvals().pending_of_run(head.run_id)) {
        if (open.kind != "call") continue;
        approval_verdict verdict;
        verdict.approval_id = open.approval_id;
        verdict.decision = "deny";
        verdict.reason = to_reason(message);
        // An approval that ran out meanwhile needs no denial.
        (void)resolve_approval(tx, verdict, who);
    }
}

} // namespace

void give_way(
    transaction& tx, session const& in, run const& head, std::string const& message, actor const& who
) {
    if (in.mode == session_mode::steer) deny_open_calls(tx, head, message, who);
    if (in.mode == session_mode::interrupt)
        (void)cancel_run(tx, head.run_id, who, "interrupted by the next message");
}

} // namespace gatehouse::core
