#include "core/approvals/open_approval.hpp"
#include "core/nodes/create_call.hpp"
#include "core/runs/run_steps.hpp"
#include "core/tools/find_tool.hpp"
#include "protocol/parse_json.hpp"

namespace gatehouse::core {

namespace json = boost::json;

namespace {

void refuse_start(run_editor& edit, step const& s, error const& why, run_settings const& settings) {
    step_outcome outcome;
    outcome.output = {{"error", {{"kind", kind_of(why.code)}, {"message", why.message}}}};
    finish_step(edit, s, outcome, settings);
}

// What runs must be byte for byte what was shown: the subject is hashed again from what would start now.
result<void> check_approved(run_editor& edit, step const& s, tool_call_target const& target) {
    if (!s.approval_id) return {};
    auto const& r = edit.value();
    auto given = edit.tx().approvals().find(*s.approval_id);
    approval_subject now{
        s.tool,
        parse_own_json(s.arguments).as_object(),
        s.node,
        r.agent,
        r.session_id,
        r.run_id,
        step_id(s.ordinal),
        r.principal,
        target.node ? std::optional(target.node->operation_hash) : std::nullopt
    };
    if (given && given->subject_hash == subject_hash(now)) return {};
    return fail(
        errc::wrong_state, "What was approved is not what would run now: the node changed the operation."
    );
}

std::optional<started_step> start(run_editor& edit, step s, run_settings const& settings) {
    auto& tx = edit.tx();
    auto arguments = parse_own_json(s.arguments).as_object();
    auto target = resolve_tool_call(tx, s.tool, arguments, s.node);
    if (!target) {
        refuse_start(edit, s, target.error(), settings);
        return std::nullopt;
    }
    if (auto same = check_approved(edit, s, *target); !same) {
        refuse_start(edit, s, same.error(), settings);
        return std::nullopt;
    }
    s.state = step_state::started;
    started_step begun;
    if (target->node) {
        call_request wanted;
        wanted.node = *target->node;
        wanted.capability = target->called.capability;
        wanted.operation = target->called.operation;
        wanted.arguments = target->arguments;
        wanted.principal = edit.value().principal;
        wanted.run_id = s.run_id;
        wanted.step_ordinal = s.ordinal;
        wanted.lease_epoch = edit.value().lease_epoch;
        wanted.attempt = s.attempt;
        wanted.idempotency_key = s.idempotency_key;
        wanted.timeout = settings.tool_timeout;
        wanted.queue_ttl = settings.tool_patience;
        begun.call = create_call(tx, wanted, settings.instance_id);
        s.invocation_id = begun.call->invocation_id;
    }
    tx.runs().save_step(s);
    json::object called{
        {"step_id", step_id(s.ordinal)},        {"call_id", s.call_id}, {"tool", s.tool},
        {"arguments", std::move(arguments)},    {"risk", s.risk},       {"attempt", s.attempt},
        {"idempotency_key", s.idempotency_key},
    };
    if (s.node) called["node"] = *s.node;
    edit.append("tool_call", std::move(called));
    begun.value = std::move(s);
    return begun;
}

// A step that an earlier owner began. A call to a node is asked for again under the same key, since the node
// keeps its answers; anything else is repeated only where that is harmless.
std::optional<started_step> restart(run_editor& edit, step s, run_settings const& settings) {
    auto& tx = edit.tx();
    if (s.invocation_id) {
        auto call = tx.invocations().lock(*s.invocation_id);
        if (call && !call->finished_at) {
            // A node refuses a smaller epoch than it has seen for the run.
            call->lease_epoch = edit.value().lease_epoch;
            tx.invocations().save(*call);
        }
        if (call) return started_step{std::move(s), std::move(call)};
    }
    auto known = find_tool(tx, s.tool);
    if (s.node || (known && (known->risk == "read" || known->idempotent)))
        return start(edit, std::move(s), settings);
    ask_about_outcome(edit, std::move(s), settings);
    return std::nullopt;
}

} // namespace

std::vector<started_step>
start_steps(run_editor& edit, std::set<std::int64_t> const& in_flight, run_settings const& settings) {
    std::vector<started_step> begun;
    for (auto& s : edit.steps_of_turn()) {
        std::optional<started_step> one;
        if (s.state == step_state::ready)
            one = start(edit, std::move(s), settings);
        else if (s.state == step_state::started && !in_flight.contains(s.ordinal))
            one = restart(edit, std::move(s), settings);
        if (one) begun.push_back(std::move(*one));
    }
    return begun;
}

} // namespace gatehouse::core
