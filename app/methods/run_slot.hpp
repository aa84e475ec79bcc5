#pragma once
// A free slot of this process's worker, held while a run is accepted: the run is then claimed with its
// acceptance and its first turn begins there, which saves two commits and the way through the queue.
#include "core/runs/start_run.hpp"
#include "core/runs/worker.hpp"

#include <optional>
#include <string>

namespace gatehouse::app {

class run_slot {
  public:
    run_slot(core::worker& of, core::run_settings const& settings);
    // The slot is given back unless a run took it. Loop only.
    ~run_slot();
    run_slot(run_slot const&) = delete;
    run_slot& operator=(run_slot const&) = delete;

    // For run_request::claim_for; nothing where there was no slot.
    std::optional<std::string> claim_for() const;
    // What this attempt of the transaction started. Database thread.
    void keep(core::started_run& started);
    // After the commit: works on the run. A unit may run more than once, and a stored reply may stand in for
    // it: `run_id`, which the reply names, tells whether it is the one that was claimed. Loop only.
    void drive(std::string const& run_id);

  private:
    struct claim {
        core::run_lease lease;
        core::run_action first;
    };

    core::worker& worker_;
    std::string instance_id_;
    std::int64_t begun_in_;
    bool held_;
    std::optional<claim> claimed_;
};

} // namespace gatehouse::app
