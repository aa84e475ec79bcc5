#pragma once
#include "core/scheduler/leader_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Whose scheduler works.
class sql_leader_store final : public core::leader_store {
  public:
    explicit sql_leader_store(sql& on) : sql_(on) {}

    seat look() const override;
    bool take(std::string const& instance_id) override;
    void give_up(std::string const& instance_id) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
