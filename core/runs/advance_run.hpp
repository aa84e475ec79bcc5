#pragma once
// The run as a state machine over the store: what happened goes in, what to do next comes out, and everything
// between is one transaction. The driver (run_driver.hpp) does nothing but carry out actions and hand back
// outcomes, so a run can stop between any two of these calls, on this process or with it, and go on
// elsewhere.
#include "core/nodes/invocation_store.hpp"
#include "core/ports/model.hpp"
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"

#include <boost/json/value.hpp>

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::core {

// The right to work on a run: its number must still stand in the run's row.
struct run_lease {
    std::string run_id;
    std::string session_id;
    std::int64_t epoch = 0;
};

// What came of one tool call.
struct step_outcome {
    std::int64_t ordinal = 0;
    bool ok = false;
    bool unknown = false; // it started, and nobody can say whether it had its effect: a person must decide
    boost::json::value output;
    boost::json::array artifacts;
};

using turn_outcome = std::expected<model_response, provider_error>;

struct run_progress {
    std::optional<turn_outcome> turn; // of the turn that was under way
    std::vector<step_outcome> steps;
    std::set<std::int64_t> in_flight; // ordinals of steps whose outcome is still to come
    double jitter = 0.5;              // drawn by the caller from [0, 1), for the delay of a retry
};

// A tool call that was committed as started: now it may have its effect.
struct started_step {
    step value;
    std::optional<invocation> call; // where it is a call to a node
};

struct run_action {
    enum class kind {
        turn,     // ask the model
        work,     // carry out `started`, and wait for those in flight
        released, // the lease was given back: the run waits for a person or for its time
        finished,
        lost, // the run is not ours any more: stop and touch nothing
    };
    kind what = kind::lost;
    run_state state = run_state::running;
    std::optional<timestamp> deadline_at;
    std::string principal;

    std::string model;     // the agent's name for it, to look up in the catalog
    model_request request; // turn
    std::int64_t turn = 0; // its number, from 1

    std::vector<started_step> started; // work
};

// Applies what happened, takes in the inbox, and decides what comes next. Database thread.
run_action advance_run(
    transaction& tx, run_lease const& lease, run_progress const& progress, run_settings const& settings
);

// Fails a run that advance_run cannot take any further: a defect of the gateway, not of the run or the store.
// Database thread.
run_action give_up(transaction& tx, run_lease const& lease);

} // namespace gatehouse::core
