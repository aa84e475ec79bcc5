#pragma once
#include "core/approvals/approval_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Standing approvals.
class sql_grant_store final : public core::grant_store {
  public:
    explicit sql_grant_store(sql& on) : sql_(on) {}

    void insert(core::grant const& g) override;
    std::optional<core::grant> find(std::string const& grant_id) const override;
    std::vector<core::grant> list(
        std::optional<std::string> const& principal, std::optional<std::string> const& after,
        std::int64_t limit
    ) const override;
    std::vector<core::grant> live(std::string const& principal, std::string const& tool) const override;
    void save(core::grant const& g) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
