#pragma once
#include "core/runs/change_run.hpp"

#include <string>

namespace gatehouse::core {

// Ends a standing approval; once more is answered the same. not_found: unknown or another principal's.
// Database thread.
result<grant> revoke_grant(transaction& tx, std::string const& grant_id, actor const& who);

} // namespace gatehouse::core
