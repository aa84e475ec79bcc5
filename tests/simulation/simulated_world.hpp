#pragma once
// One world: a few instances on one store, their peers, what goes wrong, and what must be true in the end.
// All of it follows from one seed.
#include "tests/simulation/invariants.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace gatehouse::simulation {

struct world_outcome {
    std::uint64_t trace_hash = 0;
    violations found;
    std::map<std::string, std::uint64_t> counts; // what happened how often
    std::deque<std::string> last_lines;
};

// `store` is set back and used. `lines_kept`: how much of the trace is kept as text.
world_outcome simulate(simulated_store& store, std::uint64_t seed, std::size_t lines_kept = 0);

} // namespace gatehouse::simulation
