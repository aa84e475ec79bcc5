#pragma once
#include "core/runs/run_editor.hpp"
#include "protocol/error.hpp"

#include <string_view>

namespace gatehouse::core {

// Ends the run: state, tape, open approvals and calls; save() then lets the session's next run begin. The
// caller holds the locks of session and run, and saves the editor afterwards. Database thread.
void end_run(run_editor& edit, run_event how, std::string_view reason);

// The same for a failure: `failed` with this error.
void fail_run(run_editor& edit, error const& why);

} // namespace gatehouse::core
