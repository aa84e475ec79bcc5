#pragma once
// What the processes on one Postgres tell each other: after a commit, which rows others may want to look at;
// and pieces of text while they come. Hints only: whoever misses one finds the same in the store at its next
// poll.
#include "core/events/event_log.hpp"
#include "core/storage/commit_signals.hpp"
#include "persistence/dialect.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace gatehouse::persistence {

// One connection of its own, on a thread of its own: LISTEN for what others say, and NOTIFY outside of every
// transaction, since a NOTIFY inside of one makes the server do commits one after another.
class postgres_backplane {
  public:
    // Called on the backplane's thread.
    struct listener {
        std::function<void(core::commit_signals)> on_signals;
        std::function<void(core::event)> on_ephemeral;
    };

    postgres_backplane(dialect const& of, listener heard);
    ~postgres_backplane();
    postgres_backplane(postgres_backplane const&) = delete;
    postgres_backplane& operator=(postgres_backplane const&) = delete;

    // Tells the others, at once when nothing was said for a moment. Any thread.
    void tell(core::commit_signals const& what);
    void tell(core::event const& ephemeral);

  private:
    using steady_clock = std::chrono::steady_clock;
    using connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

    void run();
    bool connect();
    bool wait_for_connection();
    void exchange();
    bool send_next();
    bool take_results();
    void hear();
    std::string take_outgoing();
    bool has_outgoing();
    // Waits until the connection is ready for `events`, somebody tells something, or `until`.
    void wait(short events, steady_clock::time_point until);
    void wake() const;

    dialect const& of_;
    listener const heard_;
    int const wakeup_;
    connection link_{nullptr, &PQfinish};
    bool sending_ = false;
    steady_clock::time_point may_send_at_{};

    std::mutex mutex_; // of what follows
    core::commit_signals signals_;
    bool has_signals_ = false;
    std::deque<std::string> ephemeral_;
    bool stopping_ = false;

    std::thread thread_;
};

} // namespace gatehouse::persistence
