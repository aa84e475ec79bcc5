#pragma once
// core's ports on the operating system.
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"

namespace gatehouse::app {

class system_clock final : public core::clock {
  public:
    timestamp now() const override;
};

// The wall clock as it was when this was made, and the time since, sleep included: it follows nobody who sets
// the clock.
class unsteppable_clock final : public core::clock {
  public:
    unsteppable_clock();
    timestamp now() const override;

  private:
    std::chrono::milliseconds boot_; // since 1970
};

// Throws std::runtime_error where the system gives no random bytes.
class system_random final : public core::random_source {
  public:
    void fill(std::span<std::byte> out) override;
};

} // namespace gatehouse::app
