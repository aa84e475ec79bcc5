#pragma once
#include "core/ports/random.hpp"

#include <mutex>
#include <random>

namespace gatehouse::testing {

// The same bytes for the same seed. Any thread, though several threads share them in no fixed order.
class seeded_random final : public core::random_source {
  public:
    explicit seeded_random(std::uint64_t seed = 1) : engine_(seed) {}
    void fill(std::span<std::byte> out) override {
        std::lock_guard const lock(mutex_);
        for (std::byte& each : out) each = static_cast<std::byte>(engine_() & 0xff);
    }

  private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

} // namespace gatehouse::testing
