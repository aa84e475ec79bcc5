#pragma once
#include "core/events/event_log.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// The log of events. They are written by the end of a transaction (db.hpp), not here.
class sql_event_log final : public core::event_log {
  public:
    explicit sql_event_log(sql& on) : sql_(on) {}

    page read(std::int64_t after, std::int64_t limit) const override;
    std::int64_t head() const override;
    core::log_epoch current_epoch() const override;
    std::vector<core::log_epoch> epochs() const override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
