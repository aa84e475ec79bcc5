#pragma once
#include "core/runs/run_editor.hpp"
#include "protocol/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

// Puts on the tape what others left for the run; the texts of inputs, in their order.
std::vector<std::string> take_inbox(run_editor& edit);

// Ends the run: state, tape with what was left for it, open approvals and calls; save() then lets the
// session's next run begin. The caller holds the locks of session and run, and saves the editor afterwards.
// Database thread.
void end_run(run_editor& edit, run_event how, std::string_view reason);

// The same for a failure: `failed` with this error. `retryable`: where it is otherwise than the code says.
void fail_run(run_editor& edit, error const& why, std::optional<bool> retryable = {});

} // namespace gatehouse::core
