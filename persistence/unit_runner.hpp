#pragma once
// Runs units on one session: groups, retries, and the decision about a COMMIT without an answer.
#include "core/ports/ids.hpp"
#include "core/ports/store_clock.hpp"
#include "core/storage/database.hpp"
#include "persistence/commit_protocol.hpp"
#include "persistence/server_history.hpp"
#include "persistence/store_session.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <typeindex>
#include <unordered_set>
#include <utility>
#include <vector>

namespace gatehouse::persistence {

using write_unit = core::database::unit<core::transaction>;
using read_unit = core::database::unit<core::snapshot>;

// Where the database threads wait before they try again; opened for good when the process stops.
class stop_gate {
  public:
    // False: the process stops, so nothing is tried again.
    bool wait_for(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return !changed_.wait_for(lock, time, [this] { return stopping_; });
    }
    void stop() {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
};

// One per database thread, and on it only.
class unit_runner {
  public:
    // What came of a transaction. Told in one piece, so that the loop is woken once.
    struct ending {
        std::optional<core::commit_signals>
            signals; // of what was committed; to be given out before the units go on
        std::vector<std::pair<core::database::waiting_unit*, std::exception_ptr>> units;
    };

    // `tell` brings each ending to the loop.
    unit_runner(
        store_session& session, server_history& history, core::store_clock& time, core::id_source& ids,
        stop_gate& gate, std::function<void(ending)> tell
    );

    std::size_t group_units_max() const { return protocol_->group_units_max(); }

    // Ends a transaction that has taken so long that its server cannot be there any more. Any thread.
    void cut_if_stalled();

    // Runs the units, as one transaction where it can. Each of them stands in exactly one ending.
    void run(std::span<write_unit* const> units);
    void run(read_unit& unit);

  private:
    // A unit on its way through one transaction.
    struct attempt {
        write_unit* unit = nullptr;
        bool commit = false;
        std::exception_ptr failure;
        core::commit_signals signals;
    };
    class retries;
    class busy;

    void reopen_if_lost();
    void roll_back() noexcept;
    void begin(std::string const& batch_id, bool for_group);
    bool run_as_group(std::span<attempt> group);
    void run_in_savepoint(attempt& one);
    void run_work(attempt& one);
    void run_alone(attempt& one);
    bool try_alone(attempt& one);
    static void fail(attempt& one, std::exception_ptr why);
    bool is_committed(std::string const& batch_id);
    void finish(std::span<attempt> done);
    void forget_old_batches() noexcept;

    store_session& session_;
    sql& sql_;
    server_history& history_;
    core::store_clock& time_;
    std::optional<timestamp> begun_at_; // the store's time when the transaction began, where it tells
    core::id_source& ids_;
    stop_gate& gate_;
    std::function<void(ending)> tell_;
    std::unique_ptr<commit_protocol> protocol_;
    std::atomic<std::int64_t> busy_since_ms_ = 0; // 0: nothing is under way
    // Reading units that were found to run more than one statement: these get a transaction, which the others
    // do without. By type: each place that reads has a unit of its own.
    std::unordered_set<std::type_index> many_statements_;
    std::minstd_rand jitter_{std::random_device()()};
    bool must_reopen_ = false;
    std::int64_t admitted_to_; // the server's history that the session was opened on
};

} // namespace gatehouse::persistence
