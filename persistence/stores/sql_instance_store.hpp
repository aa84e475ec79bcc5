#pragma once
#include "core/instances/instance_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// The processes on this store and their leases.
class sql_instance_store final : public core::instance_store {
  public:
    explicit sql_instance_store(sql& on) : sql_(on) {}

    std::vector<core::instance> list() const override;
    void insert(core::instance const& i) override;
    bool heartbeat(std::string const& instance_id) override;
    void remove(std::string const& instance_id) override;
    std::vector<core::instance>
    predecessors(std::string const& incarnation, std::string const& instance_id) const override;
    bool any_lapsed(std::string const& but) const override;
    std::vector<core::instance> lock_lapsed(std::string const& but) override;

  private:
    bool has_life_lock() const;

    sql& sql_;
};

} // namespace gatehouse::persistence
