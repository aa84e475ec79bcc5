#pragma once
// What can meet what: every unit that changes a run, its session, its approval or its owner, and what begins
// an epoch of the log.
#include "tests/isolation/stage.hpp"
#include "tests/isolation/stepped_side.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse::isolation {

// What is done, and what to note in `told` once it was committed.
struct meeting_unit {
    deed work;
    std::function<void(told&)> tell = [](told&) {};
};

struct verb {
    std::string_view name;
    std::vector<run_stands> stands; // where it makes sense
    // `side`: 0 or 1, for what the two do differently.
    std::function<meeting_unit(stage&, int side)> make;
};

std::span<verb const> all_verbs();
verb const& find_verb(std::string_view name);

} // namespace gatehouse::isolation
