#pragma once
#include "core/ports/clock.hpp"

#include <atomic>
#include <chrono>

namespace gatehouse::testing {

// Stands still until a test moves it. Any thread.
class manual_clock final : public core::clock {
  public:
    explicit manual_clock(timestamp start = from_ms(1'767'225'600'000)) : ms_(to_ms(start)) {}
    timestamp now() const override { return from_ms(ms_.load()); }
    void advance(std::chrono::milliseconds by) { ms_ += by.count(); }

  private:
    std::atomic<std::int64_t> ms_;
};

} // namespace gatehouse::testing
