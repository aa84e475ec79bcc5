#pragma once
#include "core/runs/change_run.hpp"

#include <string>

namespace gatehouse::core {

// What the session's mode makes of a head with an open question when a message comes in behind it (engine.md
// 5), whether it waits for the answer or another call of it is still under way: `queue` leaves it; `steer`
// denies its open calls with the message as the reason, and it goes on; `interrupt` cancels it. The caller
// holds the session's lock. Database thread.
void give_way(
    transaction& tx, session const& in, run const& head, std::string const& message, actor const& who
);

} // namespace gatehouse::core
