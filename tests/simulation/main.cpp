// simulation [--seeds N] [--from S] [--twice] [--stop]: runs N worlds, one per seed, and says which of
// them broke what. Exits with 1 where one did.
#include "tests/simulation/simulated_world.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace gatehouse::simulation {
namespace {

constexpr std::size_t lines_shown = 400;
constexpr std::uint64_t failures_shown = 5;

struct options {
    std::uint64_t seeds = 10'000;
    std::uint64_t from = 1;
    bool twice = false;
    bool stops = false; // at the first failure
    std::size_t lines = lines_shown;
};

void show(std::uint64_t seed, world_outcome const& outcome) {
    for (auto const& line : outcome.last_lines) fmt::print("    {}\n", line);
    for (auto const& each : outcome.found) fmt::print("seed {}: {}\n", seed, each);
    fmt::print("seed {}: again with: ./dev simulate --from {} --seeds 1 --lines 100000\n", seed, seed);
}

int run(options const& o) {
    simulated_store store;
    std::map<std::string, std::uint64_t> counts;
    std::uint64_t failed = 0;
    std::uint64_t all_traces = 0;
    auto const began = std::chrono::steady_clock::now();
    auto const clock_began = std::clock();
    for (auto seed = o.from; seed < o.from + o.seeds && !(o.stops && failed > 0); ++seed) {
        auto outcome = simulate(store, seed, o.seeds == 1 ? o.lines : 0);
        if (o.twice && simulate(store, seed).trace_hash != outcome.trace_hash)
            outcome.found.push_back("the same seed led to another world");
        for (auto const& [what, times] : outcome.counts) counts[what] += times;
        all_traces = (all_traces ^ outcome.trace_hash) * 0x9fb21c651e98df25;
        if (outcome.found.empty() && o.seeds != 1) continue;
        failed += !outcome.found.empty();
        if (failed > failures_shown) continue;
        if (o.seeds != 1) outcome.last_lines = simulate(store, seed, o.lines).last_lines;
        show(seed, outcome);
    }
    auto const took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    auto const computed = static_cast<double>(std::clock() - clock_began) / CLOCKS_PER_SEC;
    auto const say = [](std::string_view what, auto value) { fmt::print("{:<20} {:>14}\n", what, value); };
    say("first seed", o.from);
    say("seeds", o.seeds);
    for (auto const& [what, times] : counts) say(what, times);
    say("failed", failed);
    say("seconds", std::llround(took));
    say("seconds of a core", std::llround(computed));
    say("seeds/s of a core", std::llround(static_cast<double>(o.seeds) / computed));
    say("all traces", fmt::format("{:016x}", all_traces));
    return failed == 0 ? 0 : 1;
}

} // namespace
} // namespace gatehouse::simulation

int main(int argc, char** argv) {
    spdlog::set_level(spdlog::level::off);
    gatehouse::simulation::options o;
    CLI::App app("Deterministic simulation of the gateway's core.");
    app.add_option("--seeds", o.seeds, "How many worlds, one per seed");
    app.add_option("--from", o.from, "The first seed");
    app.add_option("--lines", o.lines, "How many lines of a failed world's trace are shown");
    app.add_flag("--stop", o.stops, "Stop at the first one that fails");
    app.add_flag("--twice", o.twice, "Run each seed twice and compare the traces");
    CLI11_PARSE(app, argc, argv);
    return gatehouse::simulation::run(o);
}
