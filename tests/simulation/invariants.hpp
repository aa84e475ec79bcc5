#pragma once
// What must be true once everything has healed, by the store and by what the peers saw.
#include "tests/simulation/simulated_clients.hpp"
#include "tests/simulation/simulated_node.hpp"
#include "tests/simulation/simulated_reader.hpp"
#include "tests/simulation/simulated_subscriber.hpp"
#include "tests/simulation/witness.hpp"

#include <memory>
#include <vector>

namespace gatehouse::simulation {

struct seen_world {
    simulated_store& store;
    witness const& commits;
    simulated_clients const& clients;
    std::vector<std::unique_ptr<simulated_node>> const& nodes;
    std::vector<std::unique_ptr<simulated_subscriber>> const& subscribers;
    std::vector<std::unique_ptr<simulated_reader>> const& readers;
};

// Those in the background too.
std::vector<core::run> all_runs(core::store_set const& stores);

void check_invariants(seen_world const& world, violations& found);

} // namespace gatehouse::simulation
