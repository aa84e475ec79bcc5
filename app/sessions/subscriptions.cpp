#include "app/sessions/subscriptions.hpp"

#include "app/methods/describe.hpp"
#include "core/execution/fail_point.hpp"
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
    event_subscription(subscriptions& owner, std::string id, core::event_filter filter, core::cursor from)
        : owner_(owner), id_(std::move(id)), filter_(std::move(filter)), from_(from) {}
    ~event_subscription() override { owner_.relay_.unsubscribe(number_); }

    void begin() { number_ = owner_.relay_.subscribe(std::move(filter_), from_, *this); }

    void on_events(core::cursor at, std::vector<core::outgoing_event> const& events) override {
        GATEHOUSE_FAIL_POINT("edge.before_event");
        owner_.out_.offer(event_frame(id_, at, events));
        GATEHOUSE_FAIL_POINT("edge.event_offered");
    }
    void on_ephemeral(core::cursor at, std::string_view event) override {
        owner_.out_.offer_ephemeral(event_frame(id_, at, {{at, event}}));
    }
    // Its resume is refused with cursor_expired, which says where to go on.
    void on_cursor_expired(core::cursor) override {
        owner_.out_.close("the events that were to be replayed are not kept any more; resume");
    }

  private:
    subscriptions& owner_;
    std::string id_;
    core::event_filter filter_; // until begin()
    core::cursor from_;
    std::uint64_t number_ = 0;
};

subscriptions::subscriptions(
    core::event_relay& relay, core::tape_feed& tapes, core::task_group& tasks, frame_sink out
)
    : relay_(relay), tapes_(tapes), tasks_(tasks), out_(std::move(out)) {}

subscriptions::~subscriptions() = default;

std::optional<std::string> subscriptions::next_id() {
    if (closed_ || events_.size() + tapes_by_id_.size() >= subscriptions_max) return std::nullopt;
    return "sub_" + std::to_string(++made_);
}

std::optional<std::string> subscriptions::subscribe_events(core::event_filter filter, core::cursor from) {
    auto id = add_events(std::move(filter), from);
    if (id) begin(*id);
    return id;
}

std::optional<std::string> subscriptions::add_events(core::event_filter filter, core::cursor from) {
    auto id = next_id();
    if (id) events_[*id] = std::make_unique<event_subscription>(*this, *id, std::move(filter), from);
    return id;
}

std::optional<std::string> subscriptions::subscribe_tape(std::string run_id, std::int64_t after_seq) {
    auto id = add_tape(std::move(run_id), after_seq);
    if (id) begin(*id);
    return id;
}

std::optional<std::string> subscriptions::add_tape(std::string run_id, std::int64_t after_seq) {
    auto id = next_id();
    if (id) tapes_by_id_[*id] = {std::move(run_id), after_seq, std::make_shared<core::cancellation>()};
    return id;
}

void subscriptions::begin(std::string const& id) {
    if (auto events = events_.find(id); events != events_.end()) return events->second->begin();
    auto found = tapes_by_id_.find(id);
    if (found == tapes_by_id_.end() || closed_) return;
    auto const& [run_id, after_seq, stop] = found->second;
    tasks_.spawn(follow(shared_from_this(), id, run_id, tapes_.follow(run_id, after_seq), stop));
}

std::optional<std::string>
batch_subscriptions::subscribe_events(core::event_filter filter, core::cursor from) {
    auto id = all_->add_events(std::move(filter), from);
    if (id) waiting_.push_back(*id);
    return id;
}

std::optional<std::string> batch_subscriptions::subscribe_tape(std::string run_id, std::int64_t after_seq) {
    auto id = all_->add_tape(std::move(run_id), after_seq);
    if (id) waiting_.push_back(*id);
    return id;
}

void batch_subscriptions::begin_all() {
    for (auto const& id : waiting_) all_->begin(id);
    waiting_.clear();
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
            GATEHOUSE_FAIL_POINT("edge.before_tape");
            self->out_.offer(frame);
            GATEHOUSE_FAIL_POINT("edge.tape_offered");
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
    self->tapes_by_id_.erase(id);
}

bool subscriptions::unsubscribe(std::string const& subscription_id) {
    if (events_.erase(subscription_id) > 0) return true;
    auto tape = tapes_by_id_.find(subscription_id);
    if (tape == tapes_by_id_.end()) return false;
    auto stop = tape->second.stop;
    tapes_by_id_.erase(tape);
    stop->request();
    return true;
}

void subscriptions::close() {
    closed_ = true;
    events_.clear();
    for (auto all = tapes_by_id_; auto const& [id, each] : all) each.stop->request();
}

} // namespace gatehouse::app
