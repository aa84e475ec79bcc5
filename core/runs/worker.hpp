#pragma once
// Works on runs: claims due ones from the queue while it has free slots, and drives each to its end.
#include "core/runs/run_driver.hpp"
#include "core/storage/commit_signals.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace gatehouse::core {

// Loop only.
class worker {
  public:
    explicit worker(run_environment const& env);

    // Claims until stop(). The owner spawns it once.
    task<> run();

    // For run.start: a slot for a run that is claimed as it is accepted. Give it back by adopt() or
    // release_slot().
    bool try_reserve_slot();
    void release_slot();
    // Which of this process's leases it is. A run that was claimed under an earlier one may be another's now.
    std::int64_t tenure() const { return tenure_; }
    // Drives a run that was claimed with a reserved slot. `first`: what was decided with the claim; it counts
    // for the tenure in which the claim was begun.
    void adopt(run_lease lease, std::int64_t begun_in, std::optional<run_action> first = {});

    // What others committed: a run became due, or has a message.
    void on_signals(commit_signals const& signals);

    // This process's lease is lost: end every run here, and claim nothing before resume().
    void abandon_all();
    void resume() { suspended_ = false; }

    // Takes no more runs and lets go of those it has; they stay in the store as they are. Returns when all
    // have stopped.
    task<> stop();

    // The runs it works on.
    std::vector<std::string> run_ids() const;

    std::size_t running() const { return drivers_.size(); }

  private:
    task<> drive(std::shared_ptr<run_driver> driver);
    task<std::optional<timestamp>> claim_due();
    task<> claim(std::int64_t limit, run_queue from);
    void nudge();
    std::int64_t free_slots() const;
    std::int64_t background_slots() const;

    run_environment const& env_;
    wakeup due_;
    task_group group_;
    // By run id and epoch: a run may come back while the coroutine that let it go is still ending.
    std::map<std::pair<std::string, std::int64_t>, std::shared_ptr<run_driver>> drivers_;
    std::int64_t reserved_ = 0;
    std::int64_t tenure_ = 0;
    bool stopping_ = false;
    bool suspended_ = false;
    bool nudged_ = false;
};

} // namespace gatehouse::core
