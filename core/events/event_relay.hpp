#pragma once
// Reads the log once for the whole process and hands each event to the subscriptions it belongs to. A
// subscription that resumes is replayed page by page until it has caught up with the relay, and attached in
// the same turn of the loop: no gap, nothing twice, nothing buffered.
#include "core/events/cursor.hpp"
#include "core/execution/task_group.hpp"
#include "core/runs/run_driver.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/storage/database.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::core {

// Who listens, and to what.
struct event_filter {
    std::vector<std::string> topics; // "run:<id>", "session:<id>", a class, or "*"
    std::string principal;
    bool sees_all = false;      // scope admin
    bool sees_pairings = false; // scope pair

    bool matches(event const& e) const;
};

// One stored event as it goes out. The text is valid for the call it comes with.
struct outgoing_event {
    cursor at;             // behind it: who resumes from here gets what follows this one
    std::string_view text; // the JSON of the wire's event
};

class event_subscriber {
  public:
    virtual ~event_subscriber() = default;
    // Events in order, and the cursor behind all that was looked at; no events where only the cursor moved
    // on.
    virtual void on_events(cursor at, std::vector<outgoing_event> const& events) = 0;
    // One ephemeral event; may be dropped.
    virtual void on_ephemeral(cursor at, std::string_view event) = 0;
    // The place it stood at was deleted while it was replayed: it gets nothing more.
    virtual void on_cursor_expired(cursor oldest) = 0;
};

// The event as it stands on the wire. Any thread.
std::string encode_event(event const& e);

// Loop only.
class event_relay final : public delta_listener {
  public:
    event_relay(loop& on, database& db, clock const& time, id_source& ids);

    // Finds the head of the log. Before anything else.
    task<> start();

    // Reads until stop(): after each commit that did not say what it logged, and every 500 ms without one.
    // The owner spawns it once.
    task<> run();

    cursor head() const { return {epoch_, position_}; }

    // When the store last answered.
    steady_time last_read_at() const { return last_read_at_; }

    // From `after` where given, else from the head. cursor_expired: older than what is kept, or of a lost
    // tail; invalid_params: no cursor of this log.
    task<result<cursor>> check(std::optional<std::string> after);
    // The subscriber hears nothing inside this call, and stays valid until unsubscribe().
    std::uint64_t subscribe(event_filter filter, cursor from, event_subscriber& to);
    void unsubscribe(std::uint64_t id);

    void on_signals(commit_signals const& signals);
    void on_delta(origin const& from, std::int64_t offset, std::string_view text) override;
    void on_turn_end(origin const& from) override;
    // Tells the subscribers here.
    void on_ephemeral(event const& e);
    // Where pieces of text go to reach the subscribers of other processes.
    void send_ephemeral_to(std::function<void(event const&)> others) { to_others_ = std::move(others); }

    task<> stop();

  private:
    struct subscription {
        event_filter filter;
        event_subscriber* to = nullptr;
        std::int64_t delivered = 0; // seq,
        std::int64_t epoch = 1;     // and of which
        bool attached = false;
        steady_time moved_at{};
    };

    // Text of one turn on its way to other processes.
    struct piece {
        origin from;
        std::int64_t offset = 0;
        std::string text;
    };

    task<> replay(std::uint64_t id);
    task<bool> read_page();
    void pass_on(std::span<logged_event const> page);
    task<> enter_newest_epoch();
    std::int64_t last_shared(std::int64_t epoch) const;
    event make_delta(origin const& from, std::int64_t offset, std::string_view text);
    void collect(origin const& from, std::int64_t offset, std::string_view text);
    void send_collected();
    bool take_committed(std::span<logged_event const> events);
    void
    deliver(subscription& to, std::span<logged_event const> page, std::vector<std::string> const& encoded);
    void move_quiet_cursors();

    loop& loop_;
    database& db_;
    clock const& time_;
    id_source& ids_;
    wakeup news_;
    task_group group_;
    std::map<std::uint64_t, std::shared_ptr<subscription>> subscriptions_;
    std::function<void(event const&)> to_others_;
    std::map<std::string, piece> collected_; // by run id
    loop::timer_id collect_timer_ = 0;
    std::uint64_t next_id_ = 1;
    std::vector<log_epoch> epochs_;
    std::int64_t epoch_ = 1;
    std::int64_t position_ = 0;
    steady_time last_read_at_{};
    bool pending_ = false;
    bool stopping_ = false;
};

} // namespace gatehouse::core
