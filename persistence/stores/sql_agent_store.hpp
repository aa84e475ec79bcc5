#pragma once
#include "core/agents/agent_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Agents by name.
class sql_agent_store final : public core::agent_store {
  public:
    explicit sql_agent_store(sql& on) : sql_(on) {}

    std::optional<core::agent> find(std::string const& name) const override;
    std::vector<core::agent> list(std::optional<std::string> const& after, std::int64_t limit) const override;
    void put(core::agent const& a) override;
    bool remove(std::string const& name) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
