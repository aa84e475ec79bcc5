#pragma once
// The tool calls of a run: proposed by the model, decided by policy and perhaps a person, started, finished.
// Database thread; whoever calls holds the run's lock and saves the editor afterwards.
#include "core/agents/agent_store.hpp"
#include "core/runs/advance_run.hpp"
#include "core/runs/run_editor.hpp"
#include "protocol/error.hpp"

#include <set>
#include <string>
#include <vector>

namespace gatehouse::core {

// "step_3": how the wire names a step of its run. A turn's own text has "turn_2".
std::string step_id(std::int64_t ordinal);
std::string turn_id(std::int64_t turn);

// Decides each call the model asked for and records it as a step: ready, proposed (a person is asked) or
// finished (denied).
void propose_steps(
    run_editor& edit, agent const& as, std::vector<tool_request> const& calls, run_settings const& settings
);

// Writes the outcome of a started step: the tape, the conversation, the row.
void finish_step(run_editor& edit, step s, step_outcome const& outcome, run_settings const& settings);

// Asks a person what became of a step whose effect may or may not have happened: retry, skip or fail.
void ask_about_outcome(run_editor& edit, step s, run_settings const& settings);

// Takes over what people decided, and what ran out: proposed steps become ready or finished. A question about
// an unknown outcome that was answered with `fail`, or not in time, is returned: the run fails with it.
std::optional<error> settle_approvals(run_editor& edit, run_settings const& settings);

// Commits every ready step as started. Steps that were started by an earlier owner and are not in flight here
// are started again where that is safe; where it is not, a person is asked.
std::vector<started_step>
start_steps(run_editor& edit, std::set<std::int64_t> const& in_flight, run_settings const& settings);

// The sooner of the run's deadline and the first expiry among the approvals it waits for; the first of those.
struct open_question {
    std::string approval_id;
    timestamp wake_at;
};
std::optional<open_question> first_open_question(run_editor const& edit);

} // namespace gatehouse::core
