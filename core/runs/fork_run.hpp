#pragma once
#include "core/runs/change_run.hpp"

namespace gatehouse::core {

// Makes a new run that goes on from an earlier point of another one, in a session of its own, whose key is
// the source's with "~fork-<n>". Its tape is a copy of the items up to `at_seq` and a note; the model is then
// asked anew from the point that run_past.hpp tells. Nothing is shared with the source, which may be in any
// state and may be deleted later. not_found: unknown or another principal's; invalid_params: `at_seq` is
// behind the end of the tape. Database thread.
result<run> fork_run(transaction& tx, std::string const& run_id, std::int64_t at_seq, actor const& who);

} // namespace gatehouse::core
