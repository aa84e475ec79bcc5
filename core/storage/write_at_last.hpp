#pragma once
// For what must reach the store however long that takes.
#include "core/execution/wakeup.hpp"
#include "core/storage/database.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <string_view>
#include <type_traits>

namespace gatehouse::core {

// Before the store is asked again.
inline task<> pause_for_store(loop& on) {
    constexpr std::chrono::milliseconds pause{500};
    wakeup never(on);
    co_await never.wait_until(on.now() + pause);
}

// Writes as soon as the store lets it; nothing where `is_over` says so before that. `what` is for the log.
// Loop only.
template <class IsOver, class Unit>
task<std::optional<std::invoke_result_t<Unit&, transaction&>>>
write_at_last(database& db, loop& on, std::string_view what, IsOver is_over, Unit unit) {
    while (!is_over()) {
        try {
            co_return co_await db.write(unit);
        } catch (std::exception const& e) {
            spdlog::error("{} could not be stored, trying again: {}", what, e.what());
        }
        co_await pause_for_store(on);
    }
    co_return std::nullopt;
}

} // namespace gatehouse::core
