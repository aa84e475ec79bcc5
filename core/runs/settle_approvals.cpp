#include "core/approvals/close_approval.hpp"
#include "core/approvals/open_approval.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/parse_json.hpp"

namespace gatehouse::core {

namespace json = boost::json;

namespace {

void append_expiry(run_editor& edit, approval const& a, step const& s) {
    edit.append(
        "approval_decision",
        {
            {"approval_id", a.approval_id},
            {"step_id", step_id(s.ordinal)},
            {"state", to_string(approval_state::expired)},
        }
    );
}

void deny(
    run_editor& edit, step const& s, std::string_view kind, std::string message, run_settings const& settings
) {
    step_outcome outcome;
    outcome.output = {{"error", {{"kind", kind}, {"message", std::move(message)}}}};
    finish_step(edit, s, outcome, settings);
}

// Reads the approval with its lock; one that ran out is closed here.
approval current(run_editor& edit, step const& s) {
    auto& tx = edit.tx();
    auto found = tx.approvals().lock(*s.approval_id);
    if (found->value.state == approval_state::pending && found->expired) {
        close_approval(tx, found->value, approval_state::expired);
        append_expiry(edit, found->value, s);
        found->value.state = approval_state::expired;
    }
    return std::move(found->value);
}

void settle_call(run_editor& edit, step s, approval const& a, run_settings const& settings) {
    switch (a.state) {
    case approval_state::pending:
        return;
    case approval_state::approved:
        s.state = step_state::ready;
        edit.tx().runs().save_step(s);
        return;
    case approval_state::denied:
        deny(
            edit, s, "approval_denied", a.reason ? "Denied: " + *a.reason : "A person denied this call.",
            settings
        );
        return;
    case approval_state::expired:
        deny(edit, s, "approval_expired", "Nobody answered in time.", settings);
        return;
    case approval_state::cancelled:
        deny(edit, s, "cancelled", "The question was withdrawn.", settings);
        return;
    }
}

std::optional<error>
settle_outcome(run_editor& edit, step s, approval const& a, run_settings const& settings) {
    if (a.state == approval_state::pending) return std::nullopt;
    auto decision = a.decision.value_or("fail");
    if (decision == "retry") {
        ++s.attempt;
        s.idempotency_key = s.run_id + ":" + std::to_string(s.ordinal) + ":" + std::to_string(s.attempt);
        s.state = step_state::ready;
        s.invocation_id.reset();
        edit.tx().runs().save_step(s);
        return std::nullopt;
    }
    if (decision == "skip") {
        deny(
            edit, s, "skipped",
            "Nobody knows whether this call had its effect; a person chose to go on without it.", settings
        );
        return std::nullopt;
    }
    deny(edit, s, "unknown_outcome", "Nobody knows whether this call had its effect.", settings);
    return error{
        errc::capability_failed,
        "The outcome of " + s.tool + " is unknown, and the run was not to go on without it."
    };
}

} // namespace

void ask_about_outcome(run_editor& edit, step s, run_settings const& settings) {
    auto const& r = edit.value();
    approval_subject subject{
        s.tool,
        parse_own_json(s.arguments).as_object(),
        s.node,
        r.agent,
        r.session_id,
        r.run_id,
        step_id(s.ordinal),
        r.principal,
        s.operation_hash
    };
    auto asked = open_approval(edit.tx(), "outcome", subject, s.risk, s.ordinal, settings);
    s.approval_id = asked.approval_id;
    s.state = step_state::proposed;
    edit.tx().runs().save_step(s);
    edit.append(
        "approval_request",
        {
            {"approval_id", asked.approval_id},
            {"kind", asked.kind},
            {"step_id", step_id(s.ordinal)},
            {"subject_hash", asked.subject_hash},
            {"risk", asked.risk},
            {"expires_at", format_timestamp(asked.expires_at)},
        }
    );
}

std::optional<error> settle_approvals(run_editor& edit, run_settings const& settings) {
    for (auto& s : edit.steps_of_turn()) {
        if (s.state != step_state::proposed) continue;
        auto a = current(edit, s);
        if (a.kind == "call") {
            settle_call(edit, std::move(s), a, settings);
        } else if (auto failed = settle_outcome(edit, std::move(s), a, settings)) {
            return failed;
        }
    }
    return std::nullopt;
}

std::optional<open_question> first_open_question(run_editor const& edit) {
    auto const& r = edit.value();
    std::optional<open_question> first;
    for (auto const& a : edit.open_questions()) {
        if (!first) first = open_question{a.approval_id, a.expires_at};
        first->wake_at = std::min(first->wake_at, a.expires_at);
    }
    if (first && r.deadline_at) first->wake_at = std::min(first->wake_at, *r.deadline_at);
    return first;
}

} // namespace gatehouse::core
