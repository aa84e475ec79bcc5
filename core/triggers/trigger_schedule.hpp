#pragma once
// The slots of a trigger: which instants it fires at.
#include "core/triggers/cron_schedule.hpp"
#include "core/triggers/trigger_store.hpp"

#include <chrono>
#include <optional>
#include <variant>
#include <vector>

namespace gatehouse::core {

// Any thread.
class trigger_schedule {
  public:
    // invalid_params where the expression or its zone cannot be read. A hook has no slots.
    static result<trigger_schedule> make(trigger const& t);

    // The first slot after `after`. Intervals count on from `anchor`, a slot they have or the time they were
    // made.
    std::optional<timestamp> next(timestamp after, timestamp anchor) const;

    // The slots from `first`, which is one, and up to `last`; of more than `most`, the newest.
    std::vector<timestamp> newest(timestamp first, timestamp last, std::size_t most) const;

  private:
    struct never {};
    struct interval {
        std::chrono::milliseconds every{};
    };

    using times = std::variant<never, interval, cron_schedule>;
    explicit trigger_schedule(times t) : times_(t) {}

    times times_;
};

} // namespace gatehouse::core
