#pragma once
#include "core/ports/clock.hpp"

#include <atomic>

namespace gatehouse::core {

// The store's time as this process reckons it: its own clock, corrected by what the store's said last.
// Several processes on one store so agree on what is due, whatever their own clocks show. Any thread.
class store_clock final : public clock {
  public:
    explicit store_clock(clock const& own) : own_(own) {}

    timestamp now() const override {
        return own_.now() + std::chrono::milliseconds(correction_ms_.load(std::memory_order_relaxed));
    }

    // The store has just told its time.
    void learn(timestamp told) {
        correction_ms_.store((told - own_.now()).count(), std::memory_order_relaxed);
    }

  private:
    clock const& own_;
    std::atomic<std::int64_t> correction_ms_ = 0;
};

} // namespace gatehouse::core
