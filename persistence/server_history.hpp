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
    // server behind one that this process has seen: an old primary that came back. Returns the server's
    // history as a number that only grows; SQLite has one. Any database thread.
    std::int64_t admit(sql& on);

    // The newest one that a session of this process was admitted to. Any thread.
    std::int64_t newest() const { return newest_.load(); }

  private:
    std::atomic<std::int64_t> newest_ = 0;
};

} // namespace gatehouse::persistence
