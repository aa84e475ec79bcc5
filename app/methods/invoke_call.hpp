#pragma once
// What node.invoke and tool.invoke have in common: one call to a node, from its row to its answer.
#include "app/dispatch/caller.hpp"
#include "core/nodes/node_router.hpp"
#include "core/storage/database.hpp"
#include "core/tools/begin_call.hpp"
#include "protocol/gen/types/artifact_ref.hpp"

#include <vector>

namespace gatehouse::app {

// Begins the call once per idempotency key and waits for its answer. The row as it is then: succeeded, or
// queued for a node that is away. A call that ended otherwise is an error: capability_failed,
// deadline_exceeded, unavailable, cancelled; before it: those of core::begin_call. A repeat under the same
// key waits for the same row. Loop only.
core::task<result<core::invocation>> invoke_call(
    core::direct_call wanted, caller who, core::loop& on, core::database& db, core::node_router& nodes,
    core::run_settings const& settings
);

// The artifacts that came with the answer. Any thread.
std::vector<protocol::artifact_ref> evidence_of(core::invocation const& row);

} // namespace gatehouse::app
