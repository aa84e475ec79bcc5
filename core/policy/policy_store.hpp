#pragma once
#include "core/runs/run.hpp"

#include <string>

namespace gatehouse::core {

struct policy_document {
    std::int64_t version = 0;
    json_text rules = "[]";
};

class policy_store {
  public:
    virtual ~policy_store() = default;
    virtual policy_document get() const = 0;
    // Reads it and keeps it locked.
    virtual policy_document lock() = 0;
    virtual void save(policy_document const& p) = 0;
};

} // namespace gatehouse::core
