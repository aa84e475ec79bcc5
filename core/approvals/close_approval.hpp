#pragma once
#include "core/storage/transaction.hpp"

namespace gatehouse::core {

// Ends a pending approval without a person: `cancelled` with its run, `expired` by time. Writes the row and
// the event. Database thread.
void close_approval(transaction& tx, approval pending, approval_state how);

} // namespace gatehouse::core
