#include "core/triggers/cron_schedule.hpp"

#include <date/tz.h>

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gatehouse::core {

namespace {

using namespace std::chrono;

// 29 February falls on each day of the week within 40 years, so what has no slot by then never has one.
constexpr years horizon{50};

date::local_seconds to_date(local_time t) { return date::local_seconds(t.time_since_epoch()); }

local_time local_of(sys_seconds at, date::sys_info const& info) {
    return local_time(at.time_since_epoch() + info.offset);
}

// The zone data of the system (Debian's tzdata); nothing is ever fetched.
result<date::time_zone const*> find_zone(std::string const& name) {
    try {
        date::get_tzdb();
    } catch (std::exception const& e) {
        spdlog::error("time zones cannot be read: {}", e.what());
        return fail_param(
            "/time_zone", "unknown", "This machine has no time zone data; install the package tzdata."
        );
    }
    try {
        return date::locate_zone(name);
    } catch (std::runtime_error const&) {
        return fail_param(
            "/time_zone", "unknown",
            "'" + name + "' is not a time zone; use an IANA name like Europe/Berlin or UTC."
        );
    }
}

} // namespace

result<cron_schedule> cron_schedule::make(std::string const& cron, std::string const& zone_name) {
    auto expression = cron_expression::parse(cron);
    if (!expression) return fail_param("/cron", "pattern", "'" + cron + "': " + expression.error() + ".");
    auto zone = find_zone(zone_name);
    if (!zone) return std::unexpected(zone.error());
    return cron_schedule(*expression, *zone);
}

std::optional<timestamp> cron_schedule::next(timestamp after) const {
    auto second = floor<seconds>(after);
    return expression_.is_rhythm() ? next_of_rhythm(second) : next_by_wall_clock(second);
}

// From one change of the zone's offset to the next, local time and real time run side by side.
std::optional<timestamp> cron_schedule::next_of_rhythm(sys_seconds after) const {
    auto const limit = after + horizon;
    for (auto from = after + seconds(1); from < limit;) {
        auto info = zone_->get_info(from);
        auto until = std::min(info.end, limit);
        auto match = expression_.next_match(local_of(from, info), local_of(until, info));
        if (match) return sys_seconds(match->time_since_epoch() - info.offset);
        from = until;
    }
    return std::nullopt;
}

std::optional<timestamp> cron_schedule::next_by_wall_clock(sys_seconds after) const {
    auto start = local_of(after, zone_->get_info(after)) + seconds(1);
    auto const limit = start + horizon;
    for (auto match = expression_.next_match(start, limit); match;
         match = expression_.next_match(*match + seconds(1), limit)) {
        auto info = zone_->get_info(to_date(*match));
        auto slot = info.result == date::local_info::nonexistent
                        ? info.first.end
                        : sys_seconds(match->time_since_epoch() - info.first.offset);
        if (slot > after) return slot;
    }
    return std::nullopt;
}

} // namespace gatehouse::core
