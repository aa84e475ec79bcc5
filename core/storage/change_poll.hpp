#pragma once
// Looks every 500 ms for what other processes committed about the rows that this one looks after. Wake-ups
// between processes make it quick; this makes it correct without them. A store of one process needs none.
#include "core/execution/wakeup.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/storage/database.hpp"
#include "core/storage/watched_rows.hpp"

#include <functional>
#include <string>

namespace gatehouse::core {

// Loop only.
class change_poll {
  public:
    struct ports {
        std::function<watched_rows()> watched;
        std::function<void(commit_signals const&)> on_changes;
        // True: for too long nobody could look, so what was revoked may still be served here; false: over.
        std::function<void(bool)> on_blind;
    };

    change_poll(loop& on, database& db, std::string instance_id, ports to);

    // Looks until stop(). The owner spawns it once.
    task<> run();
    void stop();

  private:
    task<> look();

    loop& loop_;
    database& db_;
    std::string instance_id_;
    ports to_;
    wakeup stopped_;
    loop::timer_id alarm_ = 0;
    timestamp seen_until_{}; // revocations before this are known
    bool blind_ = false;
    bool stopping_ = false;
};

} // namespace gatehouse::core
