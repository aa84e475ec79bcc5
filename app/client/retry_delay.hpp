#pragma once
// How long to wait before the next try to connect: doubling, with full jitter, so that a thousand peers of
// one gateway don't come back together.
#include "core/ports/random.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

namespace gatehouse::app::client {

class retry_delay {
  public:
    explicit retry_delay(core::random_source& random) : random_(random) {}

    // From `shortest` up to a limit that doubles with each call, at most `longest`.
    std::chrono::milliseconds next() {
        std::uint64_t drawn = 0;
        random_.fill(std::as_writable_bytes(std::span(&drawn, 1)));
        auto const delay =
            shortest + std::chrono::milliseconds(drawn % static_cast<std::uint64_t>(limit_.count()));
        limit_ = std::min(limit_ * 2, longest);
        return delay;
    }

    // After a connection that stood.
    void reset() { limit_ = first_limit; }

  private:
    static constexpr std::chrono::milliseconds shortest{100};
    static constexpr std::chrono::milliseconds first_limit{500};
    static constexpr std::chrono::milliseconds longest{5'000}; // a gateway on the same machine is back sooner

    core::random_source& random_;
    std::chrono::milliseconds limit_ = first_limit;
};

} // namespace gatehouse::app::client
