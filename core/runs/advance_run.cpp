#include "core/runs/advance_run.hpp"

#include "core/runs/ask_model.hpp"
#include "core/runs/build_context.hpp"
#include "core/runs/end_run.hpp"
#include "core/runs/follow_up.hpp"
#include "core/runs/run_editor.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

// Everything one call of advance_run works with.
struct advance {
    run_editor& edit;
    run_progress const& progress;
    run_settings const& settings;
    bool model_has_finished = false; // the last turn asked for no tool
    std::vector<std::string> new_inputs{};

    transaction& tx() { return edit.tx(); }
    run& r() { return edit.value(); }
};

void take_response(advance& a, std::optional<agent> const& as, model_response const& response) {
    // Work in the background was offered no tools.
    std::vector<tool_request> const none;
    auto const& wanted = is_background(a.r()) ? none : response.tool_calls;
    json::array calls;
    for (auto const& c : wanted) {
        calls.push_back({{"call_id", c.call_id}, {"tool", c.tool}, {"arguments", c.arguments}});
    }
    auto& r = a.r();
    ++r.turn;
    r.attempt = 0;
    r.usage.input_tokens += response.usage.input_tokens;
    r.usage.output_tokens += response.usage.output_tokens;
    json::object usage{
        {"input_tokens", response.usage.input_tokens}, {"output_tokens", response.usage.output_tokens}
    };
    a.edit.append(
        "provider_response",
        {
            {"step_id", turn_id(r.turn)},
            {"text", response.text},
            {"tool_calls", calls},
            {"usage", std::move(usage)},
            {"finish_reason", response.finish_reason},
        }
    );
    json::object extra;
    if (!calls.empty()) extra["tool_calls"] = std::move(calls);
    a.edit.say("assistant", response.text, std::move(extra));
    if (!response.text.empty()) {
        r.output = r.output ? *r.output + "\n" + response.text : response.text;
    }
    a.model_has_finished = wanted.empty();
    if (!wanted.empty()) propose_steps(a.edit, *as, wanted, a.settings);
}

std::chrono::milliseconds retry_delay(advance const& a, provider_error const& why) {
    if (why.retry_after) return *why.retry_after;
    auto const exponent = static_cast<int>(std::min<std::int64_t>(a.edit.value().attempt, 20));
    auto most = std::min<double>(
        static_cast<double>(a.settings.retry_delay_max.count()),
        std::ldexp(static_cast<double>(a.settings.retry_delay_first.count()), exponent)
    );
    return std::chrono::milliseconds(static_cast<std::int64_t>(most * a.progress.jitter));
}

run_action released(advance& a) {
    a.r().lease_owner.reset();
    run_action action;
    action.what = run_action::kind::released;
    action.state = a.r().state;
    return action;
}

// A failed turn is tried again at its time, which stands in the queue and not in a coroutine; or it ends the
// run.
run_action take_provider_error(advance& a, provider_error const& why) {
    auto& r = a.r();
    a.edit.append(
        "provider_error",
        {
            {"step_id", turn_id(r.turn + 1)},
            {"kind", why.kind},
            {"message", why.message},
            {"retryable", why.retryable},
            {"attempt", r.attempt},
        }
    );
    auto const attempts_max = is_background(r) ? background_attempts_max : a.settings.turn_attempts_max;
    if (!why.retryable || r.attempt + 1 >= attempts_max) {
        fail_run(a.edit, {errc::unavailable, "The model did not answer: " + why.message}, why.retryable);
        return ended(a.r());
    }
    auto delay = retry_delay(a, why);
    a.edit.append(
        "retry",
        {
            {"step_id", turn_id(r.turn + 1)},
            {"attempt", r.attempt + 1},
            {"delay_ms", delay.count()},
            {"error", {{"kind", why.kind}, {"message", why.message}}},
        }
    );
    ++r.attempt;
    r.claimable_at = a.tx().now() + delay;
    if (r.deadline_at) r.claimable_at = std::min(*r.claimable_at, *r.deadline_at);
    return released(a);
}

run_action wait_for_person(advance& a) {
    auto question = first_open_question(a.edit);
    a.edit.move(run_event::ask);
    a.r().waiting_on = question->approval_id;
    a.r().claimable_at = question->wake_at;
    return released(a);
}

run_action finish(advance& a) {
    auto& r = a.r();
    if (!r.output) r.output = ""; // it had nothing to say
    end_run(a.edit, run_event::finish, {});
    if (is_background(r))
        apply_background(a.tx(), r);
    else
        follow_up(a.tx(), r, a.settings);
    return ended(r);
}

run_action work_or_go_on(advance& a, std::optional<agent> const& as) {
    run_action action;
    action.started = start_steps(a.edit, a.progress.in_flight, a.settings);
    if (!action.started.empty() || !a.progress.in_flight.empty()) {
        action.what = run_action::kind::work;
        action.state = a.r().state;
        action.deadline_at = a.r().deadline_at;
        return action;
    }
    if (first_open_question(a.edit)) return wait_for_person(a);
    if (a.model_has_finished && a.new_inputs.empty()) return finish(a);
    auto tools = is_background(a.r()) ? std::vector<model_tool>() : tools_of(a.tx(), *as);
    return ask_model(a.edit, *as, std::move(tools), a.settings);
}

// The model has said its last word, and nobody has said anything to it since: its agent is not needed any
// more.
bool is_last_word(advance const& a) {
    auto const& turn = a.progress.turn;
    return turn && turn->has_value() && (*turn)->tool_calls.empty() && a.new_inputs.empty();
}

run_action decide_next(advance& a) {
    auto& r = a.r();
    a.new_inputs = take_inbox(a.edit);
    auto as = is_last_word(a) ? std::nullopt : a.tx().agents().find(r.agent);
    if (!as && !is_last_word(a)) {
        fail_run(a.edit, {errc::not_found, "The agent '" + r.agent + "' was deleted."});
        return ended(a.r());
    }
    if (a.progress.turn && a.progress.turn->has_value()) take_response(a, as, **a.progress.turn);
    for (auto const& outcome : a.progress.steps) {
        auto s = a.tx().runs().find_step(r.run_id, outcome.ordinal);
        if (!s || s->state != step_state::started) continue;
        if (outcome.unknown)
            ask_about_outcome(a.edit, std::move(*s), a.settings);
        else
            finish_step(a.edit, std::move(*s), outcome, a.settings);
    }
    // The turn that is taken in here was made without them.
    for (auto& text : a.new_inputs) a.edit.say("user", text, {});
    if (r.cancel_reason) {
        end_run(a.edit, run_event::cancel, *r.cancel_reason);
        return ended(a.r());
    }
    if (r.deadline_at && *r.deadline_at <= a.tx().now()) {
        fail_run(a.edit, {errc::deadline_exceeded, "The run did not finish before its deadline."});
        return ended(a.r());
    }
    if (a.progress.turn && !a.progress.turn->has_value())
        return take_provider_error(a, a.progress.turn->error());
    if (auto failed = settle_approvals(a.edit, a.settings)) {
        fail_run(a.edit, *failed);
        return ended(a.r());
    }
    return work_or_go_on(a, as);
}

// Sessions before runs, as everywhere: the end of a run promotes the next one under the session's lock.
std::optional<run> lock_leased(transaction& tx, run_lease const& lease) {
    auto locked = tx.runs().lock_leased(lease.session_id, lease.run_id, lease.epoch);
    if (locked && locked->state != run_state::running) return std::nullopt;
    return locked;
}

} // namespace

run_action advance_run(
    transaction& tx, run_lease const& lease, run_progress const& progress, run_settings const& settings
) {
    auto locked = lock_leased(tx, lease);
    if (!locked) return {};
    run_editor edit(tx, std::move(*locked));
    advance a{edit, progress, settings};
    auto action = decide_next(a);
    edit.save();
    return action;
}

run_action give_up(transaction& tx, run_lease const& lease) {
    auto locked = lock_leased(tx, lease);
    if (!locked) return {};
    run_editor edit(tx, std::move(*locked));
    fail_run(edit, {errc::internal, "The gateway could not go on with this run; its log says why."});
    edit.save();
    return ended(edit.value());
}

} // namespace gatehouse::core
