#pragma once
#include "core/agents/agent_store.hpp"
#include "core/ports/model.hpp"
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"

namespace gatehouse::core {

// What the model gets for the run's next turn: the agent's prompt, the session's conversation as far as it
// fits the window (from the newest back, cut at a user's message), and the tools the agent may see. A tool
// call that never got an answer, because its run ended, is answered with that sentence, since providers
// refuse a call without one. Database thread.
model_request build_context(
    run const& r, agent const& as, std::vector<model_tool> tools, std::vector<message> messages,
    run_settings const& settings
);

// The tools that the agent may see.
std::vector<model_tool> tools_of(snapshot const& view, agent const& as);

// What goes on the tape for it.
boost::json::object describe_request(model_request const& request);

} // namespace gatehouse::core
