#include "app/sessions/subscriptions.hpp"

#include "app/methods/describe.hpp"
#include "protocol/gen/methods/tape.hpp"
#include "protocol/gen/methods/tape_end.hpp"
#include "protocol/jsonrpc.hpp"

namespace gatehouse::app {

namespace {

// One connection's share; more than a console with many open runs needs.
constexpr std::size_t subscriptions_max = 256;

// Frames are put together by hand: the events' texts are shared by all subscriptions.
std::string
event_frame(std::string const& id, core::cursor at, std::vector<core::outgoing_event> const& events) {
    std::string params =
        R"({"subscription_id":")" + id + R"(","cursor":")" + core::encode_cursor(at) + R"(","events":[)";
    for (auto const& e : events) params.append(e.text).append(",");
    if (!events.empty()) params.pop_back();
    params += "]}";
    std::string frame;
    append_rpc_notification(frame, "event", params);
    return frame;
}

} // namespace

class subscriptions::event_subscription final : public core::event_subscriber {
  public:
    event_subscription(subscriptions& owner, std::string id) : owner_(owner), id_(std::move(id)) {}
    ~event_subscription() override { owner_.relay_.unsubscribe(number_); }

    void begin(core::event_filter filter, core::cursor from) {
        number_ = owner_.relay_.subscribe(std::move(filter), from, *this);
    }

    void on_events(core::cursor at, std::vector<core::outgoing_event> const& events) override {
        owner_.out_.offer(event_frame(id_, at, events));
    }
    void on_ephemeral(core::cursor at, std::string_view event) override {
        owner_.out_.offer_ephemeral(event_frame(id_, at, {{at, event}}));
    }
    // Its next resume is refused with cursor_expired, which says where to go on.
    void on_cursor_expired(core::cursor) override {}

  private:
    subscriptions& owner_;
    std::string id_;
    std::uint64_t number_ = 0;
};

subscriptions::subscriptions(
    core::event_relay& relay, core::tape_feed& tapes, core::task_group& tasks, frame_sink out
)
    : relay_(relay), tapes_(tapes), tasks_(tasks), out_(std::move(out)) {}

subscriptions::~subscriptions() = default;

std::optional<std::string> subscriptions::next_id() {
    if (closed_ || events_.size() + tape_stops_.size() >= subscriptions_max) return std::nullopt;
    return "sub_" + std::to_string(++made_);
}

std::optional<std::string> subscriptions::subscribe_events(core::event_filter filter, core::cursor from) {
    auto id = next_id();
    if (!id) return id;
    auto made = std::make_unique<event_subscription>(*this, *id);
    made->begin(std::move(filter), from);
    events_[*id] = std::move(made);
    return id;
}

std::optional<std::string> subscriptions::subscribe_tape(std::string run_id, std::int64_t after_seq) {
    auto id = next_id();
    if (!id) return id;
    auto stop = std::make_shared<core::cancellation>();
    tape_stops_[*id] = stop;
    auto tape = tapes_.follow(run_id, after_seq);
    tasks_.spawn(follow(shared_from_this(), *id, std::move(run_id), std::move(tape), std::move(stop)));
    return id;
}

core::task<> subscriptions::follow(
    std::shared_ptr<subscriptions> self, std::string id, std::string run_id, core::tape_reader tape,
    std::shared_ptr<core::cancellation> stop
) {
    for (bool ended = false; !ended;) {
        auto page = co_await tape.next(*stop);
        if (!page || self->closed_ || stop->requested()) break;
        if (!page->items.empty()) {
            protocol::tape::params params{id, run_id, {}};
            for (auto const& item : page->items) params.items.push_back(describe(item));
            std::string frame;
            append_rpc_notification(frame, "tape", protocol::tape::encode_params(params));
            self->out_.offer(frame);
        }
        ended = page->ended;
        if (ended) {
            std::string frame;
            append_rpc_notification(
                frame, "tape.end", protocol::tape_end::encode_params({id, run_id, page->state})
            );
            self->out_.offer(frame);
        }
    }
    self->tape_stops_.erase(id);
}

bool subscriptions::unsubscribe(std::string const& subscription_id) {
    if (events_.erase(subscription_id) > 0) return true;
    auto tape = tape_stops_.find(subscription_id);
    if (tape == tape_stops_.end()) return false;
    auto stop = tape->second;
    tape_stops_.erase(tape);
    stop->request();
    return true;
}

void subscriptions::close() {
    closed_ = true;
    events_.clear();
    for (auto stops = tape_stops_; auto const& [id, stop] : stops) stop->request();
}

} // namespace gatehouse::app
