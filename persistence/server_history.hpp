#pragma once
#include "persistence/sql.hpp"

#include <atomic>
#include <cstdint>

namespace gatehouse::persistence {

// Which history of the Postgres server this process goes by. A promoted standby begins a new one (its
// timeline), and may lack the end of the old one, whose numbers it then gives again: each history has an
// epoch of its own in the log.
class server_history {
  public:
    // For a session that was just opened, before anything else is written on it. Throws connection_lost for a
    // server behind one that this process has seen: an old primary that came back. SQLite has one history.
    // Any database thread.
    void admit(sql& on);

  private:
    std::atomic<std::int64_t> newest_ = 0;
};

} // namespace gatehouse::persistence
