#include "persistence/unit_runner.hpp"

#include "core/execution/fail_point.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::persistence {
namespace {

// Nobody waits longer for a store that does not answer; the caller may ask again.
constexpr std::chrono::seconds patience{5};

// The server itself ends a wait for a lock after 1 s and an idle transaction after 2 s.
constexpr std::chrono::milliseconds answer_time_max{10'000};

// The store keeps what it knows of a transaction for an hour.
constexpr std::chrono::minutes doubt_max{45};

std::int64_t steady_ms() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

// While a transaction is under way.
class unit_runner::busy {
  public:
    explicit busy(unit_runner& of) : of_(of) { of_.busy_since_ms_ = steady_ms(); }
    ~busy() { of_.busy_since_ms_ = 0; }
    busy(busy const&) = delete;
    busy& operator=(busy const&) = delete;

  private:
    unit_runner& of_;
};

void unit_runner::cut_if_stalled() {
    auto const since = busy_since_ms_.load();
    if (since != 0 && steady_ms() - since > answer_time_max.count()) sql_.cut();
}

// Says how long to wait before a unit is run again, and when to give up. The first repetition comes at once,
// the others with growing pauses of a random length, so that those who met once do not meet again.
class unit_runner::retries {
  public:
    explicit retries(unit_runner& of) : of_(of) {}

    // Waits. Throws store_unavailable when it is over.
    void next(char const* why) {
        bool const over = std::chrono::steady_clock::now() > end_;
        if (over || !of_.gate_.wait_for(pause())) {
            throw core::store_unavailable(
                fmt::format("The store does not answer in time ({}); try again.", why)
            );
        }
    }

    std::chrono::milliseconds pause() {
        if (count_++ == 0) return std::chrono::milliseconds(0);
        int const most = std::min(2 << std::min(count_, 8), 500);
        return std::chrono::milliseconds(std::uniform_int_distribution(1, most)(of_.jitter_));
    }

  private:
    unit_runner& of_;
    std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + patience;
    int count_ = 0;
};

unit_runner::unit_runner(
    store_session& session, server_history& history, core::store_clock& time, core::id_source& ids,
    stop_gate& gate, std::function<void(ending)> tell
)
    : session_(session),
      sql_(session.statements()),
      history_(history),
      time_(time),
      ids_(ids),
      gate_(gate),
      tell_(std::move(tell)),
      protocol_(commit_protocol::make(sql_)),
      admitted_to_(history.newest()) {}

void unit_runner::run(std::span<write_unit* const> units) {
    std::vector<attempt> group;
    group.reserve(units.size());
    for (auto* each : units) group.push_back({.unit = each, .failure = {}, .signals = {}});
    bool done = false;
    try {
        done = group.size() > 1 && run_as_group(group);
    } catch (core::store_unavailable const&) {
        for (attempt& each : group) fail(each, std::current_exception());
        done = true;
    }
    if (done) {
        finish(group);
    } else {
        for (attempt& each : group) {
            run_alone(each);
            finish(std::span(&each, 1));
        }
    }
    forget_old_batches();
}

// Also where another session has found the server on a newer history: this one still talks to the old
// primary.
void unit_runner::reopen_if_lost() {
    if (!must_reopen_ && history_.newest() == admitted_to_) return;
    must_reopen_ = true;
    sql_.reopen();
    admitted_to_ = history_.admit(sql_);
    must_reopen_ = false;
}

// Of a session that may be lost: nobody waits for its answer longer than for another's.
void unit_runner::roll_back() noexcept {
    busy const now(*this);
    sql_.rollback();
}

void unit_runner::begin(std::string const& batch_id, bool for_group) {
    begun_at_ = protocol_->begin(batch_id, for_group);
    if (begun_at_) time_.learn(*begun_at_);
}

// False: nothing of the group happened, and each unit is to be run by itself. Throws store_unavailable where
// nobody knows.
bool unit_runner::run_as_group(std::span<attempt> group) {
    if (must_reopen_ || history_.newest() != admitted_to_) return false;
    busy const now(*this);
    auto const batch_id = ids_.make();
    bool committing = false;
    try {
        begin(batch_id, true);
        for (attempt& each : group) run_in_savepoint(each);
        committing = true;
        protocol_->commit();
        return true;
    } catch (connection_lost const&) {
        must_reopen_ = true;
        sql_.rollback();
        if (committing) return is_committed(batch_id);
    } catch (std::exception const&) {
        sql_.rollback();
    }
    return false;
}

void unit_runner::run_in_savepoint(attempt& one) {
    sql_.exec_later("SAVEPOINT unit");
    run_work(one);
    // A full disk ends the transaction, and whatever came before in it. A further savepoint would begin a new
    // one. And where a statement failed on Postgres, it may be one that an earlier unit left to be sent.
    if (!sql_.can_go_on()) throw sql_error("the transaction is gone");
    if (!one.commit) sql_.exec_later("ROLLBACK TO unit");
    sql_.exec_later("RELEASE unit");
}

// The unit's own failures end up in the attempt; what asks for another run is thrown.
void unit_runner::run_work(attempt& one) {
    core::transaction transaction(session_.stores(), begun_at_.value_or(time_.now()), ids_);
    one.commit = false;
    one.failure = nullptr;
    one.signals = {};
    try {
        if (!one.unit->run(transaction)) return;
        auto logged = protocol_->publish(std::move(transaction.published()));
        one.signals = std::move(transaction.signals());
        one.signals.events = std::move(logged);
        GATEHOUSE_FAIL_POINT("store.unit_done");
        one.commit = true;
    } catch (serialization_retry const&) {
        throw;
    } catch (connection_lost const&) {
        throw;
    } catch (...) {
        one.failure = std::current_exception();
    }
}

void unit_runner::run_alone(attempt& one) {
    retries again(*this);
    try {
        for (;;) {
            try {
                if (try_alone(one)) return;
                again.next("a COMMIT was lost");
            } catch (serialization_retry const& e) {
                roll_back();
                again.next(e.what());
            } catch (connection_lost const& e) {
                must_reopen_ = true;
                roll_back();
                again.next(e.what());
            }
        }
    } catch (...) {
        roll_back();
        fail(one, std::current_exception());
    }
}

void unit_runner::fail(attempt& one, std::exception_ptr why) {
    one.commit = false;
    one.failure = std::move(why);
}

// True: the unit has its outcome. False: it is to be run again.
bool unit_runner::try_alone(attempt& one) {
    busy const now(*this);
    reopen_if_lost();
    auto const batch_id = ids_.make();
    begin(batch_id, false);
    run_work(one);
    if (!one.commit) {
        sql_.rollback();
        return true;
    }
    try {
        protocol_->commit();
    } catch (connection_lost const&) {
        must_reopen_ = true;
        sql_.rollback();
        return is_committed(batch_id);
    }
    return true;
}

// Whoever waits for the unit must learn what became of it, so this goes on for nearly as long as the store
// keeps the trace of a transaction.
bool unit_runner::is_committed(std::string const& batch_id) {
    retries again(*this);
    auto const end = std::chrono::steady_clock::now() + doubt_max;
    for (;;) {
        try {
            busy const now(*this);
            reopen_if_lost();
            GATEHOUSE_FAIL_POINT("store.commit_in_doubt");
            return decide_commit(sql_, batch_id);
        } catch (sql_error const&) {
            must_reopen_ = true;
        } catch (core::store_unavailable const&) { // it has no room to decide
            must_reopen_ = true;
        }
        if (!gate_.wait_for(again.pause()) || std::chrono::steady_clock::now() > end) {
            throw core::store_unavailable(
                "The store went away in the middle of a COMMIT; its outcome is not known."
            );
        }
    }
}

void unit_runner::finish(std::span<attempt> done) {
    ending told;
    for (attempt& each : done) {
        told.units.emplace_back(each.unit, std::move(each.failure));
        if (!each.commit) continue;
        if (!told.signals) told.signals.emplace();
        told.signals->merge(std::move(each.signals));
    }
    GATEHOUSE_FAIL_POINT("store.before_telling");
    tell_(std::move(told));
}

void unit_runner::forget_old_batches() noexcept {
    if (must_reopen_) return;
    busy const now(*this);
    try {
        protocol_->forget_old_batches();
    } catch (std::exception const&) {
        // They go with a later call; a lost connection shows itself there.
        sql_.rollback();
    }
}

void unit_runner::run(read_unit& unit) {
    std::exception_ptr failure;
    bool is_single = !many_statements_.contains(typeid(unit));
    retries again(*this);
    for (bool done = false; !done;) {
        try {
            busy const now(*this);
            reopen_if_lost();
            if (is_single)
                sql_.begin_single();
            else
                sql_.begin(access::read);
            core::snapshot snapshot(session_.stores(), time_.now());
            unit.run(snapshot);
            done = true;
        } catch (sql::second_statement const&) {
            roll_back();
            is_single = false;
            many_statements_.insert(typeid(unit));
        } catch (sql_error const& e) {
            bool const lost = dynamic_cast<connection_lost const*>(&e) != nullptr;
            must_reopen_ = must_reopen_ || lost;
            roll_back();
            try {
                if (!lost && !dynamic_cast<serialization_retry const*>(&e)) throw;
                again.next(e.what());
            } catch (...) {
                failure = std::current_exception();
                done = true;
            }
        } catch (...) {
            failure = std::current_exception();
            done = true;
        }
    }
    // The answer does not wait for the end of the snapshot.
    tell_({.signals = {}, .units = {{&unit, std::move(failure)}}});
    roll_back();
}

} // namespace gatehouse::persistence
