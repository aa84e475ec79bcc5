#include "core/runs/run_machine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <utility>

namespace gatehouse::core {
namespace {

constexpr std::array all_states{run_state::accepted,  run_state::running, run_state::waiting,
                                run_state::succeeded, run_state::failed,  run_state::cancelled};
constexpr std::array all_events{run_event::claim,  run_event::ask,  run_event::resume,
                                run_event::finish, run_event::fail, run_event::cancel};

// Written down a second time on purpose: a change of the table has to be meant.
std::map<std::pair<run_state, run_event>, run_state> const expected{
    {{run_state::accepted, run_event::claim}, run_state::running},
    {{run_state::accepted, run_event::cancel}, run_state::cancelled},
    {{run_state::running, run_event::ask}, run_state::waiting},
    {{run_state::running, run_event::finish}, run_state::succeeded},
    {{run_state::running, run_event::fail}, run_state::failed},
    {{run_state::running, run_event::cancel}, run_state::cancelled},
    {{run_state::waiting, run_event::resume}, run_state::running},
    {{run_state::waiting, run_event::fail}, run_state::failed},
    {{run_state::waiting, run_event::cancel}, run_state::cancelled},
};

TEST(run_machine_test, every_pair_of_state_and_event_leads_where_it_should_or_nowhere) {
    for (auto from : all_states) {
        for (auto on : all_events) {
            auto const found = expected.find({from, on});
            auto const to = found == expected.end() ? std::nullopt : std::optional(found->second);
            EXPECT_EQ(next_state(from, on), to) << to_string(from) << " on event " << static_cast<int>(on);
        }
    }
}

TEST(run_machine_test, nothing_leaves_a_terminal_state_and_every_other_one_can_be_left) {
    for (auto from : all_states) {
        bool leaves = false;
        for (auto on : all_events) leaves |= next_state(from, on).has_value();
        EXPECT_EQ(leaves, !is_terminal(from)) << to_string(from);
    }
}

TEST(run_machine_test, whatever_is_not_finished_can_be_cancelled) {
    for (auto from : all_states) {
        if (is_terminal(from)) continue;
        EXPECT_EQ(next_state(from, run_event::cancel), run_state::cancelled) << to_string(from);
    }
}

} // namespace
} // namespace gatehouse::core
