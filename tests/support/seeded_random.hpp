#pragma once
// Random bytes that are the same in every run of a test.
#include "core/ports/random.hpp"

#include <cstdint>
#include <mutex>
#include <random>

namespace gatehouse::testing {

// Any thread; which thread gets which bytes is then up to their order.
class seeded_random final : public core::random_source {
  public:
    explicit seeded_random(std::uint64_t seed = 1) : engine_(seed) {}

    void fill(std::span<std::byte> out) override {
        std::lock_guard lock(mutex_);
        std::uint64_t drawn = 0;
        for (std::size_t i = 0; i < out.size(); ++i, drawn >>= 8) {
            if (i % 8 == 0) drawn = engine_();
            out[i] = static_cast<std::byte>(drawn & 0xff);
        }
    }

  private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

} // namespace gatehouse::testing
