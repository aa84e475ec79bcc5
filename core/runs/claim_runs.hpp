#pragma once
#include "core/runs/advance_run.hpp"
#include "core/runs/run_editor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct claimed_run {
    run_lease lease;
    std::optional<run_action> first; // nothing: it is still to be decided, by advance_run
};

// Takes up to `limit` due runs of a queue for this instance: lease on the tape, state to `running`, the run's
// message into the conversation where it starts. With `settings`, a new run goes on to its first turn at
// once. Database thread.
std::vector<claimed_run> claim_runs(
    transaction& tx, std::string const& instance_id, std::int64_t limit, run_queue from = run_queue::messages,
    run_settings const* settings = nullptr
);

// Puts the run's own input into its session's conversation: once, when the run begins to work.
void begin_conversation(run_editor& edit);

} // namespace gatehouse::core
