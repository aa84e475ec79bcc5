#pragma once
#include "protocol/timestamp.hpp"

namespace gatehouse::core {

// Wall-clock time. Leases never use it on Postgres, where the database's clock decides
// (persistence/dialect.hpp).
class clock {
  public:
    virtual ~clock() = default;
    // Any thread.
    virtual timestamp now() const = 0;
};

} // namespace gatehouse::core
