#pragma once
// Wall-clock time that moves when a test says so, or together with a manual_loop.
#include "core/ports/clock.hpp"
#include "tests/support/manual_loop.hpp"

#include <atomic>
#include <functional>

namespace gatehouse::testing {

// now() from any thread.
class manual_clock final : public core::clock {
  public:
    // 2026-01-01T00:00:00.000Z, where a test doesn't care.
    static constexpr timestamp new_year{std::chrono::milliseconds(1767225600000)};

    explicit manual_clock(timestamp start = new_year) : ms_(to_ms(start)) {}

    // Moves with the time of `follows`, which must outlive it; advance() moves it ahead of that.
    explicit manual_clock(manual_loop const& follows, timestamp start = new_year)
        : ms_(to_ms(start)), follows_(&follows) {}

    timestamp now() const override {
        auto const moved = follows_ ? follows_->elapsed() : std::chrono::nanoseconds(0);
        return from_ms(ms_) + std::chrono::floor<std::chrono::milliseconds>(moved);
    }

    void advance(std::chrono::milliseconds by) {
        ms_ += by.count();
        on_moved(now());
    }

    // Backwards too, as clocks do when somebody sets them.
    void set(timestamp to) { advance(to - now()); }

    // Told what it is whenever a test has moved it.
    std::function<void(timestamp)> on_moved = [](timestamp) {};

  private:
    std::atomic<std::int64_t> ms_;
    manual_loop const* follows_ = nullptr;
};

} // namespace gatehouse::testing
