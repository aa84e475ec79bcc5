#include "core/triggers/trigger_schedule.hpp"

namespace gatehouse::core {

result<trigger_schedule> trigger_schedule::make(trigger const& t) {
    if (t.every_ms) return trigger_schedule(interval{std::chrono::milliseconds(*t.every_ms)});
    if (!t.cron) return trigger_schedule(never{});
    return map_result(cron_schedule::make(*t.cron, t.time_zone.value_or("UTC")), [](cron_schedule s) {
        return trigger_schedule(s);
    });
}

std::optional<timestamp> trigger_schedule::next(timestamp after, timestamp anchor) const {
    if (auto const* by_cron = std::get_if<cron_schedule>(&times_)) return by_cron->next(after);
    auto const* steady = std::get_if<interval>(&times_);
    if (!steady) return std::nullopt;
    if (after < anchor) return anchor;
    return anchor + ((after - anchor) / steady->every + 1) * steady->every;
}

std::vector<timestamp> trigger_schedule::newest(timestamp first, timestamp last, std::size_t most) const {
    constexpr std::chrono::milliseconds one{1};
    // Those from `from` on; one more than `most` where there are more.
    auto slots_from = [&](timestamp from) {
        std::vector<timestamp> slots;
        auto slot = next(from - one, first);
        for (; slot && *slot <= last && slots.size() <= most; slot = next(*slot, first))
            slots.push_back(*slot);
        return slots;
    };
    auto slots = first <= last ? slots_from(first) : std::vector<timestamp>();
    if (slots.size() <= most) return slots;
    // A year of seconds is not walked through: the start is found by halves.
    auto too_early = first;
    auto late_enough = last + one;
    while (late_enough - too_early > one) {
        auto middle = too_early + (late_enough - too_early) / 2;
        (slots_from(middle).size() > most ? too_early : late_enough) = middle;
    }
    return slots_from(late_enough);
}

} // namespace gatehouse::core
