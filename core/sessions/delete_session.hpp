#pragma once
#include "core/runs/change_run.hpp"

#include <string>

namespace gatehouse::core {

// Removes a session with its runs, tapes, messages and approvals. not_found: unknown or another principal's;
// wrong_state: one of its runs is unfinished. Database thread.
result<void> delete_session(transaction& tx, std::string const& session_id, actor const& who);

} // namespace gatehouse::core
