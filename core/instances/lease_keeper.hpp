#pragma once
// This process's lease: its row among the instances, renewed at least at a third of the lease. Runs and
// connections of a process whose lease lapsed belong to nobody until somebody takes them.
#include "core/execution/task_group.hpp"
#include "core/instances/instance_store.hpp"
#include "core/instances/lease_guard.hpp"
#include "core/storage/database.hpp"

#include <chrono>
#include <functional>

namespace gatehouse::core {

// Takes the runs and connections from a process that is dead, and forgets it. Database thread.
void declare_dead(transaction& tx, std::string const& instance_id, std::string_view reason);

// Loop only.
class lease_keeper final : public lease_guard {
  public:
    // `on_lost`: this process was declared dead; end every effect. `on_regained`: it has a lease again.
    lease_keeper(
        loop& on, database& db, instance self, std::function<void()> on_lost,
        std::function<void()> on_regained
    );

    // Where peers reach this process, which is known once it listens. Before start().
    void set_address(std::string address) { self_.address = std::move(address); }

    // Takes over from predecessors on the same data directory, whose lock this process holds, and registers.
    task<> start();

    // True until shortly before the lease could be another's: counted from before its last renewal was sent.
    bool may_act() const override;

    // Renews until stop(); declares others dead when their lease has lapsed. The owner spawns it once.
    task<> run();

    // Makes runs claimable again that a process claimed between its being declared dead and its death. Until
    // stop(); the owner spawns it once.
    task<> watch_for_ownerless_runs();

    // Gives back what this process holds. After both have ended.
    task<> leave();

    void stop();

  private:
    std::chrono::milliseconds lease() const { return std::chrono::milliseconds(self_.lease_ms); }
    steady_time::duration renewal_period() const;
    task<> beat();
    task<> bury_the_dead();
    task<> release_ownerless_runs();

    loop& loop_;
    database& db_;
    instance self_;
    std::function<void()> on_lost_;
    std::function<void()> on_regained_;
    wakeup stopped_;
    bool stopping_ = false;
    steady_time held_until_{};
    // Nobody is declared dead within one lease of this process's own start or reconnect: an outage of the
    // store takes no runs from healthy workers.
    steady_time patient_until_{};
};

} // namespace gatehouse::core
