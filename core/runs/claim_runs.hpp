#pragma once
#include "core/runs/advance_run.hpp"
#include "core/runs/run_editor.hpp"

#include <vector>

namespace gatehouse::core {

// Takes up to `limit` due runs of a queue for this instance: lease on the tape, state to `running`, the run's
// message into the conversation where it starts. Database thread.
std::vector<run_lease> claim_runs(
    transaction& tx, std::string const& instance_id, std::int64_t limit, run_queue from = run_queue::messages
);

// Puts the run's own input into its session's conversation: once, when the run begins to work.
void begin_conversation(run_editor& edit);

} // namespace gatehouse::core
