#pragma once
#include "core/policy/policy_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// The one policy document.
class sql_policy_store final : public core::policy_store {
  public:
    explicit sql_policy_store(sql& on) : sql_(on) {}

    core::policy_document get() const override;
    core::policy_document lock() override;
    void save(core::policy_document const& p) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
