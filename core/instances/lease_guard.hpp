#pragma once

namespace gatehouse::core {

// Effects cannot be fenced by the store: none is begun without a lease that lasts a moment longer. Loop only.
class lease_guard {
  public:
    virtual ~lease_guard() = default;
    virtual bool may_act() const = 0;
};

} // namespace gatehouse::core
