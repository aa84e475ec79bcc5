#pragma once
// What happens because time passes: triggers fire; approvals of direct calls, pairings and queued calls to
// nodes run out; what is old is forgotten. One process of the cluster does it, the others stand by.
#include "core/execution/wakeup.hpp"
#include "core/nodes/node_router.hpp"
#include "core/runs/run_settings.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/storage/database.hpp"
#include "core/triggers/fire_trigger.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

// How long things are kept; nothing: for ever.
struct retention_times {
    std::optional<std::chrono::milliseconds> events;
    std::optional<std::chrono::milliseconds> runs;
    std::optional<std::chrono::milliseconds> firings;
};

// Loop only.
class scheduler {
  public:
    scheduler(
        loop& on, database& db, node_router& nodes, run_settings const& runs, retention_times const& kept
    )
        : loop_(on), db_(db), nodes_(nodes), runs_(runs), kept_(kept), due_(on) {}

    // Works where it leads, and looks every second where it does not, until stop(); then it gives the lead
    // up. The owner spawns it once.
    task<> run();
    void stop();

    // A trigger was put: its next slot may be sooner.
    void on_signals(commit_signals const& signals);

  private:
    struct view;
    task<> work();
    task<view> look();
    void note_look(timestamp now);
    task<> fire(std::vector<trigger> due, watch watched);
    task<> expire();
    task<> forget();
    task<> give_up();
    void nudge();

    loop& loop_;
    database& db_;
    node_router& nodes_;
    run_settings const& runs_;
    retention_times kept_;
    wakeup due_;
    bool nudged_ = false;
    bool stopping_ = false;
    steady_time wake_at_{};
    steady_time expire_at_{};
    steady_time forget_at_{};
    // By the database's clock: since when this process has looked without a break, and when last.
    timestamp watching_since_{};
    std::optional<timestamp> last_look_;
};

} // namespace gatehouse::core
