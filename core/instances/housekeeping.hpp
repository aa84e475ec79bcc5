#pragma once
// What time ends: approvals of direct calls, pairings, queued calls to nodes, old
// idempotency keys.
#include "core/execution/wakeup.hpp"
#include "core/nodes/node_router.hpp"
#include "core/storage/database.hpp"

namespace gatehouse::core {

// Loop only.
class housekeeping {
  public:
    housekeeping(loop& on, database& db, node_router& nodes)
        : loop_(on), db_(db), nodes_(nodes), stopped_(on) {}

    // Looks every second until stop(). The owner spawns it once.
    task<> run();
    void stop();

  private:
    task<> expire();

    loop& loop_;
    database& db_;
    node_router& nodes_;
    wakeup stopped_;
    bool stopping_ = false;
    steady_time keys_at_{};
};

} // namespace gatehouse::core
