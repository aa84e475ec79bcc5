#include "core/runs/ask_model.hpp"

#include "core/runs/build_context.hpp"
#include "core/runs/end_run.hpp"
#include "core/runs/follow_up.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/parse_json.hpp"

namespace gatehouse::core {

namespace {

// The budget that the run has used up, as a sentence; nothing while there is some left of each.
std::optional<std::string> spent_budget(run const& r, agent const& as, timestamp now) {
    if (r.turn >= as.max_turns) return "its " + std::to_string(as.max_turns) + " turns";
    auto budgets = parse_own_json(as.budgets).as_object();
    auto is_spent = [&](char const* name, std::int64_t used) {
        auto const* limit = budgets.if_contains(name);
        return limit && used >= limit->to_number<std::int64_t>();
    };
    if (is_spent("input_tokens", r.usage.input_tokens)) return "its budget of input tokens";
    if (is_spent("output_tokens", r.usage.output_tokens)) return "its budget of output tokens";
    if (is_spent("total_tokens", r.usage.input_tokens + r.usage.output_tokens)) return "its budget of tokens";
    if (r.started_at && is_spent("duration_ms", (now - *r.started_at).count())) return "its budget of time";
    return std::nullopt;
}

} // namespace

run_action
ask_model(run_editor& edit, agent const& as, std::vector<model_tool> tools, run_settings const& settings) {
    auto& r = edit.value();
    if (auto spent = spent_budget(r, as, edit.tx().now())) {
        fail_run(edit, {errc::wrong_state, "The run used up " + *spent + "."});
        return ended(r);
    }
    run_action action;
    action.what = run_action::kind::turn;
    action.state = r.state;
    action.deadline_at = r.deadline_at;
    action.principal = r.principal;
    action.model = as.model;
    action.turn = r.turn + 1;
    if (is_background(r)) {
        action.request = build_background_request(edit.tx(), r);
    } else {
        auto said = edit.conversation(settings.context_messages_max);
        action.request = build_context(r, as, std::move(tools), std::move(said), settings);
    }
    auto described = describe_request(action.request);
    described["step_id"] = turn_id(action.turn);
    described["model"] = as.model;
    edit.append("provider_request", std::move(described));
    return action;
}

run_action ended(run const& r) {
    run_action action;
    action.what = run_action::kind::finished;
    action.state = r.state;
    return action;
}

} // namespace gatehouse::core
