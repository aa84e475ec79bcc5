#include "core/runs/end_run.hpp"

#include "core/approvals/close_approval.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

namespace gatehouse::core {

namespace {

// Calls that no run waits for any more. The node is told by the instance that holds its connection.
void cancel_open_calls(run_editor& edit) {
    auto& tx = edit.tx();
    for (auto const& s : edit.steps_of_turn()) {
        if (s.state != step_state::started || !s.invocation_id) continue;
        auto call = tx.invocations().lock(*s.invocation_id);
        if (!call || call->finished_at) continue;
        call->state = "cancelled";
        call->finished_at = tx.now();
        tx.invocations().save(*call);
        tx.signals().invocations.push_back(call->invocation_id);
        tx.signals().devices.push_back(call->device_id);
    }
}

} // namespace

std::vector<std::string> take_inbox(run_editor& edit) {
    std::vector<std::string> inputs;
    for (auto const& each : edit.take_inbox()) {
        auto payload = parse_own_json(each.payload).as_object();
        if (each.kind == "input") {
            inputs.push_back(boost::json::value_to<std::string>(payload.at("text")));
            edit.append("input", std::move(payload));
        } else if (each.kind == "approval") {
            edit.append("approval_decision", std::move(payload));
        }
    }
    return inputs;
}

void end_run(run_editor& edit, run_event how, std::string_view reason) {
    auto& tx = edit.tx();
    take_inbox(edit);
    for (auto const& open : edit.open_questions()) {
        close_approval(tx, open, approval_state::cancelled);
    }
    cancel_open_calls(edit);
    edit.move(how, reason);
}

void fail_run(run_editor& edit, error const& why, std::optional<bool> retryable) {
    boost::json::object data{
        {"kind", kind_of(why.code)}, {"retryable", retryable.value_or(is_retryable(why.code))}
    };
    if (!why.details.is_null()) data["details"] = why.details;
    edit.value().error = boost::json::serialize(boost::json::object{
        {"code", static_cast<std::int64_t>(why.code)},
        {"message", why.message},
        {"data", std::move(data)},
    });
    end_run(edit, run_event::fail, why.message);
}

} // namespace gatehouse::core
