#pragma once
// The life of a run, as data. The SQL guard, the diagram in the README and the exhaustive test follow
// `run_transitions`.
#include "protocol/gen/types/run_state.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace gatehouse::core {

using protocol::run_state;

enum class run_event : std::uint8_t { claim, ask, resume, finish, fail, cancel };

struct run_transition {
    run_state from;
    run_event on;
    run_state to;
};

// clang-format off
inline constexpr std::array run_transitions{
    run_transition{run_state::accepted, run_event::claim,  run_state::running},
    run_transition{run_state::accepted, run_event::cancel, run_state::cancelled},
    run_transition{run_state::running,  run_event::ask,    run_state::waiting},
    run_transition{run_state::running,  run_event::finish, run_state::succeeded},
    run_transition{run_state::running,  run_event::fail,   run_state::failed},
    run_transition{run_state::running,  run_event::cancel, run_state::cancelled},
    run_transition{run_state::waiting,  run_event::resume, run_state::running},
    run_transition{run_state::waiting,  run_event::fail,   run_state::failed},
    run_transition{run_state::waiting,  run_event::cancel, run_state::cancelled},
};
// clang-format on

constexpr bool is_terminal(run_state s) {
    return s == run_state::succeeded || s == run_state::failed || s == run_state::cancelled;
}

constexpr std::optional<run_state> next_state(run_state from, run_event on) {
    for (auto const& t : run_transitions)
        if (t.from == from && t.on == on) return t.to;
    return std::nullopt;
}

// Nothing leaves a terminal state, and no (from, on) pair is listed twice.
consteval bool run_table_is_sound() {
    for (std::size_t i = 0; i < run_transitions.size(); ++i) {
        if (is_terminal(run_transitions[i].from)) return false;
        for (std::size_t j = i + 1; j < run_transitions.size(); ++j)
            if (run_transitions[i].from == run_transitions[j].from &&
                run_transitions[i].on == run_transitions[j].on)
                return false;
    }
    return true;
}
static_assert(run_table_is_sound());

} // namespace gatehouse::core
