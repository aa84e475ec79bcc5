#pragma once
// Carries out what advance_run decides: asks the model, starts the tool calls, and hands back what came of
// it. It keeps nothing that the store does not have, so it may stop anywhere.
#include "core/execution/cancellation.hpp"
#include "core/execution/task_group.hpp"
#include "core/instances/lease_guard.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/model.hpp"
#include "core/ports/random.hpp"
#include "core/runs/advance_run.hpp"
#include "core/secrets/secret_filter.hpp"
#include "core/storage/database.hpp"

#include <string>
#include <string_view>

namespace gatehouse::core {

// Carries out a started tool call. Loop only.
class step_executor {
  public:
    virtual ~step_executor() = default;
    // Does not throw for what a tool does. After `stop` was requested it returns soon; its outcome is then
    // not used.
    virtual task<step_outcome> carry_out(started_step const& begun, cancellation& stop) = 0;
};

// Gets the text of a turn while it comes. Loop only.
class delta_listener {
  public:
    virtual ~delta_listener() = default;
    struct origin {
        std::string run_id;
        std::string session_id;
        std::string principal;
        std::string step_id;
        std::int64_t attempt = 0;
    };
    virtual void on_delta(origin const& from, std::int64_t offset, std::string_view text) = 0;
    // The turn is over, and the tape will tell its whole text: pieces that were held back need not go out.
    virtual void on_turn_end(origin const& from) = 0;
};

// What every run of a process works with.
struct run_environment {
    loop& on;
    database& db;
    clock const& time;
    random_source& random;
    model_catalog& models;
    step_executor& steps;
    delta_listener& deltas;
    secret_filter const& secrets;
    lease_guard const& lease;
    run_settings const& settings;
};

// Loop only.
class run_driver {
  public:
    // `first`: what the transaction that took the lease decided to do.
    run_driver(run_environment const& env, run_lease lease, std::optional<run_action> first);

    // Works until the run has ended, waits, or is not ours any more.
    task<> drive();

    // Somebody left a message or asked for the end: look at the store.
    void on_inbox();

    // The lease is gone or the process stops: end every effect and write nothing more.
    void abandon();

    run_lease const& lease() const { return lease_; }

  private:
    task<> wait_for_lease();
    task<run_action> next_action();
    task<run_action> advance(run_progress progress);
    task<> take_turn(run_action action);
    task<> take_step(started_step begun);
    task<> wait_for_news();
    task<bool> was_cancelled();
    run_progress take_progress();

    run_environment const& env_;
    run_lease lease_;
    std::optional<run_action> first_;
    cancellation stop_;
    wakeup news_;
    task_group effects_;
    run_progress progress_; // what has come in since the last advance; in_flight is kept up to date
    bool turn_in_flight_ = false;
    bool inbox_ = false;
    bool abandoned_ = false;
    std::optional<timestamp> deadline_at_;
};

} // namespace gatehouse::core
