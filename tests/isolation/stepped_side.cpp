#include "tests/isolation/stepped_side.hpp"

#include <utility>

namespace gatehouse::isolation {

stepped_side::stepped_side(persistence::dialect const& of, core::clock const& time, core::id_source& ids)
    : time_(time), ids_(ids), session_(of, [this](std::string_view text) { before_statement(text); }) {
    auto& sql = session_.statements();
    // Whoever waits here waits for the controller, however busy the machine is. Deadlocks are found at once.
    sql.script("SET lock_timeout = 0");
    sql.script("SET idle_in_transaction_session_timeout = 0");
    sql.script("SET deadlock_timeout = '5ms'");
    sql.script("SET synchronous_commit = off");
    sql.begin(persistence::access::read);
    backend_pid_ = *sql.row<std::int64_t>("SELECT CAST(pg_backend_pid() AS BIGINT)");
    sql.rollback();
    thread_ = std::thread([this] { live(); });
}

stepped_side::~stepped_side() {
    {
        std::lock_guard const lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void stepped_side::start(deed work) {
    std::lock_guard const lock(mutex_);
    work_ = std::move(work);
    now_ = standing::running;
    retries_ = 0;
    failure_ = nullptr;
    granted_ = false;
    changed_.notify_all();
}

void stepped_side::grant() {
    std::lock_guard const lock(mutex_);
    granted_ = true;
    now_ = standing::running;
    changed_.notify_all();
}

stepped_side::standing stepped_side::now() const {
    std::lock_guard const lock(mutex_);
    return now_;
}

std::string stepped_side::statement() const {
    std::lock_guard const lock(mutex_);
    return statement_;
}

void stepped_side::before_statement(std::string_view text) {
    std::unique_lock lock(mutex_);
    if (is_free_ || text == "AFTER COMMIT") return;
    statement_ = text;
    now_ = standing::waiting;
    changed_.notify_all();
    changed_.wait(lock, [this] { return granted_; });
    granted_ = false;
}

void stepped_side::live() {
    for (;;) {
        deed work;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return ending_ || work_; });
            if (ending_) return;
            work = *std::exchange(work_, std::nullopt);
            is_free_ = false;
        }
        std::exception_ptr failure;
        try {
            run(work);
        } catch (...) {
            failure = std::current_exception();
            session_.statements().rollback();
        }
        std::lock_guard const lock(mutex_);
        is_free_ = true;
        failure_ = failure;
        now_ = standing::done;
    }
}

// As the database threads do it: who loses a race begins anew.
void stepped_side::run(deed const& work) {
    auto& sql = session_.statements();
    for (;; ++retries_) {
        try {
            if (auto const* one = std::get_if<unit>(&work)) return run_unit(*one);
            return std::get<session_work>(work)(sql);
        } catch (persistence::serialization_retry const&) {
            sql.rollback();
        }
    }
}

void stepped_side::run_unit(unit const& work) {
    auto& sql = session_.statements();
    auto const protocol = persistence::commit_protocol::make(sql);
    auto const told = protocol->begin(ids_.make(), false);
    core::transaction tx(session_.stores(), told.value_or(time_.now()), ids_);
    if (!work(tx)) return sql.rollback();
    protocol->publish(std::move(tx.published()));
    protocol->commit();
}

} // namespace gatehouse::isolation
