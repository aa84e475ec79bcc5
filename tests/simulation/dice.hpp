#pragma once
// Everything that is left to chance in a simulated world is drawn here, from one seed (splitmix64).
#include "core/ports/random.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gatehouse::simulation {

class dice {
  public:
    explicit dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    // From 0 to n - 1.
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }
    bool per_mille(unsigned chance) { return next() % 1'000 < chance; }

    std::chrono::nanoseconds between(std::chrono::nanoseconds low, std::chrono::nanoseconds high) {
        if (high <= low) return low;
        return low + std::chrono::nanoseconds(next() % static_cast<std::uint64_t>((high - low).count() + 1));
    }

  private:
    std::uint64_t state_;
};

// The random port of one simulated process.
class drawn_random final : public core::random_source {
  public:
    explicit drawn_random(std::uint64_t seed) : dice_(seed) {}

    void fill(std::span<std::byte> out) override {
        std::uint64_t drawn = 0;
        for (std::size_t i = 0; i < out.size(); ++i, drawn >>= 8) {
            if (i % 8 == 0) drawn = dice_.next();
            out[i] = static_cast<std::byte>(drawn & 0xff);
        }
    }

  private:
    dice dice_;
};

} // namespace gatehouse::simulation
