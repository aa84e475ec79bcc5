#pragma once
#include "core/instances/instance_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Facts of the store itself.
class sql_meta_store final : public core::meta_store {
  public:
    explicit sql_meta_store(sql& on) : sql_(on) {}

    std::optional<std::string> get(std::string const& key) const override;
    std::string put_if_absent(std::string const& key, std::string const& value) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
