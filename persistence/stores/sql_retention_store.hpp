#pragma once
#include "core/scheduler/retention_store.hpp"
#include "persistence/sql.hpp"

#include <string>

namespace gatehouse::persistence {

// Forgets what is old, across the tables of several aggregates.
class sql_retention_store final : public core::retention_store {
  public:
    explicit sql_retention_store(sql& on) : sql_(on) {}

    std::int64_t remove_events_before(timestamp before, std::int64_t limit) override;
    std::int64_t remove_runs_before(timestamp before, std::int64_t limit) override;
    std::int64_t remove_remains(std::int64_t limit) override;
    std::int64_t remove_firings_before(timestamp before, std::int64_t limit) override;

  private:
    std::int64_t remove_remains_of(std::string const& run_id, std::int64_t limit);

    sql& sql_;
};

} // namespace gatehouse::persistence
