#pragma once
// ULIDs with a prefix that names what they are for: "run_01J…". Ids of one process sort in the order they
// were made.
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace gatehouse::core {

class id_source {
  public:
    id_source(clock const& time, random_source& random) : time_(time), random_(random) {}

    // `prefix` without the underscore: make("run") is "run_" + 26 characters of Crockford base32. Any thread.
    std::string make(std::string_view prefix);
    // A bare ULID, as event ids are.
    std::string make();

  private:
    clock const& time_;
    random_source& random_;
    std::mutex mutex_; // database threads make ids too
    std::int64_t last_ms_ = 0;
    std::uint64_t high_ = 0; // the 80 random bits of the last id: 16 here,
    std::uint64_t low_ = 0;  // 64 here; counted up within one millisecond
};

// What every id made at `t` or later is not less than: ids of one kind sort by their time.
std::string first_id_at(std::string_view prefix, timestamp t);

} // namespace gatehouse::core
