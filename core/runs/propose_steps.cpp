#include "core/approvals/open_approval.hpp"
#include "core/policy/make_question.hpp"
#include "core/runs/run_steps.hpp"
#include "core/tools/find_tool.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/glob.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

step make_step(run_editor& edit, tool_request const& call) {
    auto& r = edit.value();
    step s;
    s.run_id = r.run_id;
    s.ordinal = ++r.steps;
    s.turn = r.turn;
    s.call_id = call.call_id;
    s.tool = call.tool;
    s.idempotency_key = r.run_id + ":" + std::to_string(s.ordinal) + ":1";
    s.arguments = canonical_json(json::value(call.arguments));
    s.risk = "unknown";
    return s;
}

void append_decision(run_editor& edit, step const& s, policy_answer const& answer) {
    json::object payload{
        {"step_id", step_id(s.ordinal)},
        {"tool", s.tool},
        {"effect", to_string(answer.what)},
        {"reason", answer.reason}
    };
    if (answer.rule) payload["rule"] = *answer.rule;
    if (answer.grant_id) payload["grant_id"] = *answer.grant_id;
    edit.append("policy_decision", std::move(payload));
}

// A call that goes no further: unknown tool, bad arguments, denied by policy.
void refuse(
    run_editor& edit, step s, error const& why, policy_answer const& answer, run_settings const& settings
) {
    append_decision(edit, s, answer);
    edit.tx().runs().insert_step(s);
    step_outcome outcome;
    outcome.output = {{"error", {{"kind", kind_of(why.code)}, {"message", why.message}}}};
    if (!why.details.is_null()) outcome.output.at("error").as_object()["details"] = why.details;
    finish_step(edit, std::move(s), outcome, settings);
}

void ask_person(run_editor& edit, step& s, json::object const& arguments, run_settings const& settings) {
    auto const& r = edit.value();
    approval_subject subject{s.tool,   arguments,          s.node,      r.agent,         r.session_id,
                             r.run_id, step_id(s.ordinal), r.principal, s.operation_hash};
    auto asked = open_approval(edit.tx(), "call", subject, s.risk, s.ordinal, settings);
    s.approval_id = asked.approval_id;
    s.state = step_state::proposed;
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

bool may_use(agent const& as, std::string const& tool) {
    return std::ranges::any_of(as.tools, [&](auto const& pattern) { return glob_matches(pattern, tool); });
}

void propose(run_editor& edit, agent const& as, tool_request const& call, run_settings const& settings) {
    auto& tx = edit.tx();
    auto const& r = edit.value();
    auto s = make_step(edit, call);
    auto target =
        may_use(as, call.tool)
            ? resolve_tool_call(tx, call.tool, call.arguments, std::nullopt)
            : result<tool_call_target>(
                  fail(errc::not_found, "The agent '" + as.name + "' has no tool '" + call.tool + "'.")
              );
    if (!target) {
        refuse(
            edit, std::move(s), target.error(),
            {effect::deny, std::nullopt, target.error().message, std::nullopt}, settings
        );
        return;
    }
    s.risk = target->called.risk;
    if (target->node) {
        s.node = target->node->device_id;
        s.operation_hash = target->node->operation_hash;
    }
    auto answer = decide(tx, make_question(*target, {r.principal, r.agent, r.session_id}));
    if (answer.what == effect::deny) {
        refuse(edit, std::move(s), {errc::policy_denied, answer.reason}, answer, settings);
        return;
    }
    append_decision(edit, s, answer);
    s.state = step_state::ready;
    if (answer.what == effect::ask) ask_person(edit, s, call.arguments, settings);
    tx.runs().insert_step(s);
}

} // namespace

std::string step_id(std::int64_t ordinal) { return "step_" + std::to_string(ordinal); }
std::string turn_id(std::int64_t turn) { return "turn_" + std::to_string(turn); }

void propose_steps(
    run_editor& edit, agent const& as, std::vector<tool_request> const& calls, run_settings const& settings
) {
    for (auto const& call : calls) propose(edit, as, call, settings);
}

} // namespace gatehouse::core
