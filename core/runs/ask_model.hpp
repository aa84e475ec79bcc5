#pragma once
#include "core/agents/agent_store.hpp"
#include "core/runs/advance_run.hpp"
#include "core/runs/run_editor.hpp"

#include <vector>

namespace gatehouse::core {

// The run's next turn: notes on the tape what the model will be asked, and says to ask it once that is
// committed. A run that has used up its agent's turns or budgets fails instead. Database thread; whoever
// calls holds the run's lock and saves the editor afterwards. `tools`: those that the agent may see.
run_action
ask_model(run_editor& edit, agent const& as, std::vector<model_tool> tools, run_settings const& settings);

// What to do about a run that has ended.
run_action ended(run const& r);

} // namespace gatehouse::core
