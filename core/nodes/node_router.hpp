#pragma once
// Brings calls to the nodes whose connections this process holds, and their answers to whoever waits.
#include "core/execution/cancellation.hpp"
#include "core/execution/task_group.hpp"
#include "core/nodes/finish_call.hpp"
#include "core/runs/run_driver.hpp"
#include "core/secrets/secret_filter.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/storage/database.hpp"
#include "core/storage/watched_rows.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace gatehouse::core {

// One connection of a node. Implemented by the app's session; loop only.
class node_link {
  public:
    virtual ~node_link() = default;
    virtual void send_invoke(invocation const& call) = 0;
    virtual void send_cancel(std::string const& invocation_id) = 0;
    // A newer connection of the same node took over (4409).
    virtual void close_replaced() = 0;
    // Pairing state or rights changed: read the store again.
    virtual void on_device_changed() = 0;
};

// Loop only.
class node_router final : public step_executor {
  public:
    // `secrets` are replaced in what nodes answer.
    node_router(loop& on, database& db, secret_filter const& secrets);

    // The connection with this number is the device's newest here; its open calls are sent at once.
    void attach(std::string const& device_id, std::int64_t connection_epoch, node_link& link);
    // The connection is over: its open calls wait for a newer one, and where there is none the node is
    // offline as soon as the store can be told.
    void detach(std::string const& device_id, std::int64_t connection_epoch);
    // Waiting devices, which have no rights yet, hear of their decision too.
    void watch(std::string const& device_id, node_link& link);
    void unwatch(std::string const& device_id, node_link& link);

    // Sends a call that was committed as sent on a connection of this process. If that is gone, the call
    // waits for the next.
    void deliver(invocation const& call);

    // Waits until the call has its final row. After `stop` was requested it returns the row as it was.
    task<invocation> wait(invocation call, cancellation& stop);

    void on_answer(call_answer answer);
    void on_signals(commit_signals const& signals);

    // Adds what it looks after.
    void add_watched(watched_rows& to) const;

    // Expires calls whose time is over: queued ones, and sent ones that no process waits for any more. The
    // scheduler that leads calls it every second.
    task<> expire_calls();

    task<step_outcome> carry_out(started_step const& begun, cancellation& stop) override;

    // Whoever waits for a call gets its row as it is.
    void stop_waiting();

    // Waits for what is under way. Connections must be detached before.
    task<> stop();

  private:
    struct attached {
        std::int64_t connection_epoch = 0;
        node_link* link = nullptr;
    };
    // A call whose answer is due.
    struct sent_call {
        std::string device_id;
        loop::timer_id timer;
    };
    // Somebody here waits for a call.
    struct waiter {
        explicit waiter(loop& on) : changed(on) {}
        wakeup changed;
        std::optional<invocation> final_row;
    };

    void send(attached const& to, invocation const& call);
    void stop_timer(std::string const& invocation_id);
    void finish_waiters(invocation const& row);
    task<> finish(call_answer answer);
    task<> take_open_calls(std::string device_id);
    task<> disconnect(std::string device_id, std::int64_t connection_epoch);
    task<> requeue(std::string device_id, std::int64_t connection_epoch);
    auto is_over() const {
        return [this] { return stopping_; };
    }
    task<> read_call(std::string invocation_id);

    loop& loop_;
    database& db_;
    secret_filter const& secrets_;
    task_group group_;
    std::map<std::string, attached> links_;                       // by device id
    std::multimap<std::string, node_link*> watchers_;             // by device id
    std::multimap<std::string, std::shared_ptr<waiter>> waiters_; // by invocation id
    std::map<std::string, sent_call> sent_;                       // by invocation id
    std::set<std::string> finishing_;
    bool waiting_ended_ = false;
    bool stopping_ = false;
};

} // namespace gatehouse::core
