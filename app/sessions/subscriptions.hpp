#pragma once
// The subscriptions of one connection: events by the relay, tapes by a task each.
#include "app/sessions/subscriber.hpp"
#include "core/execution/task_group.hpp"
#include "core/runs/tape_feed.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::app {

// Where the frames go. The connection's; called on the loop only.
struct frame_sink {
    std::function<void(std::string_view)> offer;
    std::function<void(std::string_view)> offer_ephemeral;
    std::function<void(std::string)> close; // the peer is to come again, and resume; says why
};

// Loop only.
class subscriptions final : public subscriber, public std::enable_shared_from_this<subscriptions> {
  public:
    subscriptions(core::event_relay& relay, core::tape_feed& tapes, core::task_group& tasks, frame_sink out);
    ~subscriptions() override;

    std::optional<std::string> subscribe_events(core::event_filter filter, core::cursor from) override;
    std::optional<std::string> subscribe_tape(std::string run_id, std::int64_t after_seq) override;
    bool unsubscribe(std::string const& subscription_id) override;

    // The same in two steps: nothing is delivered before begin(), and from there without a gap. begin() does
    // nothing for what was ended in between.
    std::optional<std::string> add_events(core::event_filter filter, core::cursor from);
    std::optional<std::string> add_tape(std::string run_id, std::int64_t after_seq);
    void begin(std::string const& id);

    // The peer has gone: nothing is sent from here on.
    void close();

  private:
    class event_subscription;
    core::task<> follow(
        std::shared_ptr<subscriptions> self, std::string id, std::string run_id, core::tape_reader tape,
        std::shared_ptr<core::cancellation> stop
    );
    std::optional<std::string> next_id();
    struct tape_subscription {
        std::string run_id;
        std::int64_t after_seq;
        std::shared_ptr<core::cancellation> stop;
    };

    core::event_relay& relay_;
    core::tape_feed& tapes_;
    core::task_group& tasks_;
    frame_sink out_;
    bool closed_ = false;
    std::uint64_t made_ = 0;
    std::map<std::string, std::unique_ptr<event_subscription>> events_;
    std::map<std::string, tape_subscription> tapes_by_id_;
};

// The subscriptions as the calls of one batch see them: what they begin delivers once their replies have gone
// out. Loop only.
class batch_subscriptions final : public subscriber {
  public:
    explicit batch_subscriptions(std::shared_ptr<subscriptions> all) : all_(std::move(all)) {}

    std::optional<std::string> subscribe_events(core::event_filter filter, core::cursor from) override;
    std::optional<std::string> subscribe_tape(std::string run_id, std::int64_t after_seq) override;
    bool unsubscribe(std::string const& id) override { return all_->unsubscribe(id); }

    void begin_all();

  private:
    std::shared_ptr<subscriptions> all_;
    std::vector<std::string> waiting_;
};

} // namespace gatehouse::app
