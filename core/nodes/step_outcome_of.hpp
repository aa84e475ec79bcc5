#pragma once
#include "core/runs/advance_run.hpp"

namespace gatehouse::core {

// What a finished call to a node means for the step that made it. Any thread.
step_outcome step_outcome_of(std::int64_t ordinal, invocation const& row);

} // namespace gatehouse::core
