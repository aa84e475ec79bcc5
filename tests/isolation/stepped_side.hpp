#pragma once
// One of two transactions that meet: a session and a thread of its own, which waits before each statement
// until it is granted.
#include "persistence/commit_protocol.hpp"
#include "persistence/store_session.hpp"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

namespace gatehouse::isolation {

// True: commit.
using unit = std::function<bool(core::transaction&)>;
// What a session does in a transaction of its own making.
using session_work = std::function<void(persistence::sql&)>;
using deed = std::variant<unit, session_work>;

class stepped_side {
  public:
    stepped_side(persistence::dialect const& of, core::clock const& time, core::id_source& ids);
    ~stepped_side();
    stepped_side(stepped_side const&) = delete;
    stepped_side& operator=(stepped_side const&) = delete;

    enum class standing {
        waiting, // before a statement
        running, // in one, or between two
        done,
    };

    // From the controlling thread. A setting of its session, between two units.
    void set(std::string const& text) { session_.statements().script(text); }
    void start(deed work);
    // Lets it send the statement that it stands before.
    void grant();
    standing now() const;
    // What it stands before, or has sent last.
    std::string statement() const;
    std::int64_t backend_pid() const { return backend_pid_; }

    // Once it is done.
    int retries() const { return retries_; }
    // Not a lost race, which is run again: a failure of the unit.
    std::exception_ptr failure() const { return failure_; }

  private:
    void live();
    void run(deed const& work);
    void run_unit(unit const& work);
    void before_statement(std::string_view text);

    core::clock const& time_;
    core::id_source& ids_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    standing now_ = standing::done;
    bool granted_ = false;
    bool is_free_ = true; // nobody holds it up: outside of a unit
    bool ending_ = false;
    std::string statement_;
    std::optional<deed> work_;
    int retries_ = 0;
    std::exception_ptr failure_;
    persistence::store_session session_;
    std::int64_t backend_pid_ = 0;
    std::thread thread_;
};

} // namespace gatehouse::isolation
