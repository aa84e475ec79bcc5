#pragma once
#include "core/approvals/approval_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Approvals: questions to a person and their answers.
class sql_approval_store final : public core::approval_store {
  public:
    explicit sql_approval_store(sql& on) : sql_(on) {}

    std::optional<core::approval> find(std::string const& approval_id) const override;
    std::vector<core::approval> list(core::approval_filter const& filter) const override;
    std::vector<core::approval> pending_of_run(std::string const& run_id) const override;
    std::optional<core::approval> find_unused_by_subject(
        std::string const& principal, std::string const& subject_hash,
        std::optional<std::string> const& call_key
    ) const override;
    void insert(core::approval const& a) override;
    std::optional<locked> lock(std::string const& approval_id) override;
    void save(core::approval const& a) override;
    std::vector<core::approval> lock_expired_without_run(std::int64_t limit) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
