#pragma once
#include "protocol/timestamp.hpp"

#include <cstdint>

namespace gatehouse::core {

// Forgets what is old. Each call removes up to `limit` rows and returns how many; fewer: nothing more is old.
class retention_store {
  public:
    virtual ~retention_store() = default;
    // The oldest of the log, but never its newest event; `oldest_seq` rises with them.
    virtual std::int64_t remove_events_before(timestamp before, std::int64_t limit) = 0;
    // Rows of runs that ended before; remove_remains() takes their tapes and what else hangs on them. The
    // session's conversation stays.
    virtual std::int64_t remove_runs_before(timestamp before, std::int64_t limit) = 0;
    virtual std::int64_t remove_remains(std::int64_t limit) = 0;
    virtual std::int64_t remove_firings_before(timestamp before, std::int64_t limit) = 0;
};

} // namespace gatehouse::core
