#pragma once
#include "core/runs/run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct agent {
    std::string name;
    std::string model;
    std::optional<std::string> system_prompt;
    std::vector<std::string> tools; // globs over tool names
    std::optional<double> temperature;
    std::int64_t max_turns = 64;
    json_text budgets = "{}";
    timestamp created_at{};
    timestamp updated_at{};
};

class agent_store {
  public:
    virtual ~agent_store() = default;
    virtual std::optional<agent> find(std::string const& name) const = 0;
    // By name.
    virtual std::vector<agent> list(std::optional<std::string> const& after, std::int64_t limit) const = 0;
    virtual void put(agent const& a) = 0;
    virtual bool remove(std::string const& name) = 0;
};

} // namespace gatehouse::core
