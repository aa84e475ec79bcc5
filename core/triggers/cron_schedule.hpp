#pragma once
// When a cron expression is due in a time zone. A pure function of what the system's zone data say.
#include "core/triggers/cron_expression.hpp"
#include "protocol/error.hpp"
#include "protocol/timestamp.hpp"

#include <optional>
#include <string>

namespace date {
class time_zone;
} // namespace date

namespace gatehouse::core {

// Any thread.
class cron_schedule {
  public:
    // invalid_params for /cron or /time_zone; also where this machine has no zone data at all.
    static result<cron_schedule> make(std::string const& cron, std::string const& zone_name);

    // The first slot after `after`; nothing where none comes within 50 years. A rhythm (hours with `*` or a
    // step) runs in real time. Fixed hours follow the wall clock: those that a clock set forward skips
    // become one slot right after the gap, and those that a clock set back repeats are slots the first time
    // only.
    std::optional<timestamp> next(timestamp after) const;

  private:
    cron_schedule(cron_expression expression, date::time_zone const* zone)
        : expression_(expression), zone_(zone) {}

    std::optional<timestamp> next_of_rhythm(std::chrono::sys_seconds after) const;
    std::optional<timestamp> next_by_wall_clock(std::chrono::sys_seconds after) const;

    cron_expression expression_;
    date::time_zone const* zone_; // the process's zone data own it
};

} // namespace gatehouse::core
