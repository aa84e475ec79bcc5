// Any text as a cron expression, in zones that change their offsets by an hour, by half of one and by a day:
// whatever can be read has slots that only go forward, or none.
#include "core/triggers/cron_schedule.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace gatehouse;
    static constexpr std::array zones{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"};
    std::string const text(reinterpret_cast<char const*>(data), size);
    auto const zone = zones[size % zones.size()];
    auto const schedule = core::cron_schedule::make(text, zone);
    if (!schedule) return schedule.error().message.starts_with("cron: ") ? 0 : (std::abort(), 0);
    auto after = from_ms(1'325'200'000'000); // the days before Apia left one out
    for (int i = 0; i < 50; ++i) {
        auto const slot = schedule->next(after);
        if (!slot) return 0;
        if (*slot <= after || to_ms(*slot) % 1'000 != 0) std::abort();
        after = *slot;
    }
    return 0;
}
