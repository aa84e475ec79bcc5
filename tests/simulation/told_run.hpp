#pragma once
// One run as its tape tells it, and what of the tape can't be true.
#include "core/runs/run.hpp"
#include "tests/simulation/witness.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::simulation {

struct told_run {
    std::optional<forked_from> fork; // then what is told of inputs and steps is its own only
    std::string state;
    std::int64_t turns = 0;
    core::token_usage usage;
    std::optional<std::string> output;
    std::int64_t asked_at = 0;          // seq of the newest request to the model
    std::int64_t input_at = 0;          // and of the newest message
    bool has_input = false;             // what the run was started with
    std::optional<std::string> settled; // of the output: a fork goes on from there
    std::size_t open_calls = 0;         // of the newest turn
    std::int64_t steps = 0;             // all that were decided
    std::int64_t steps_copied = 0;
    std::map<std::string, int> inputs;                  // by text
    std::map<std::string, boost::json::object> outputs; // of steps
    std::map<std::string, std::set<std::string>> keys;  // of steps
    std::map<std::string, boost::json::object> calls;   // by idempotency key
    std::set<std::string> decided;                      // steps with a policy decision
    std::map<std::string, int> retries;                 // steps that a person wanted again
    std::map<std::string, std::string> verdicts;        // of approvals

    // What stands before the note of a fork is of another run. A turn that was under way there is taken anew.
    void begin_fork(forked_from from, std::int64_t seq);
    void take_input(std::string const& text, std::int64_t seq);
    void take_response(boost::json::object const& payload);
};

// Reads the tape from its beginning; each item that may not stand where it stands is added to `found`.
told_run replay_tape(std::string const& run_id, std::vector<core::tape_item> const& items, violations& found);

} // namespace gatehouse::simulation
