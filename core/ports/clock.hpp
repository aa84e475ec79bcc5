#pragma once
#include "protocol/timestamp.hpp"

namespace gatehouse::core {

// Wall-clock time.
class clock {
  public:
    virtual ~clock() = default;
    // Any thread.
    virtual timestamp now() const = 0;
};

} // namespace gatehouse::core
