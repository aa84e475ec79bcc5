#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gatehouse::core {

// Random bytes: from the operating system in production, from a seed in tests.
class random_source {
  public:
    virtual ~random_source() = default;
    // Fills `out` with bytes fit for secrets. Any thread.
    virtual void fill(std::span<std::byte> out) = 0;
};

} // namespace gatehouse::core
