#include "core/events/event_relay.hpp"

#include "core/execution/fail_point.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

constexpr std::int64_t page_size = 100;
constexpr std::chrono::milliseconds poll_period{500};
constexpr std::chrono::seconds quiet_cursor_period{60};
// A reader sees text in steps of this at most; the processes exchange a message for it and not for each word.
constexpr std::chrono::milliseconds collect_period{30};
constexpr std::size_t collected_bytes_max = 4'096;

bool is_about(std::string const& topic, event const& e) {
    if (topic == "*" || topic == e.topic || topic == e.category) return true;
    return e.session_id && topic.size() == e.session_id->size() + 8 && topic.starts_with("session:") &&
           topic.ends_with(*e.session_id);
}

json::object describe(event const& e) {
    json::object o{{"topic", e.topic}, {"type", e.type}, {"occurred_at", format_timestamp(e.occurred_at)}};
    if (!e.event_id.empty()) o["event_id"] = e.event_id;
    return o;
}

} // namespace

bool event_filter::matches(event const& e) const {
    if (e.principal && *e.principal != principal && !sees_all) return false;
    if (e.category == "pairings" && !sees_pairings && !sees_all) return false;
    if (e.category == "audit" && !sees_all) return false;
    return std::ranges::any_of(topics, [&](auto const& topic) { return is_about(topic, e); });
}

std::string encode_event(event const& e) {
    auto text = json::serialize(describe(e));
    text.pop_back();
    return text.append(",\"payload\":").append(e.payload).append("}");
}

event_relay::event_relay(loop& on, database& db, clock const& time, id_source& ids)
    : loop_(on), db_(db), time_(time), ids_(ids), news_(on), group_(on, [](std::exception_ptr failure) {
          try {
              std::rethrow_exception(failure);
          } catch (std::exception const& e) {
              spdlog::error("a replay of events stopped: {}", e.what());
          }
      }) {}

task<> event_relay::start() {
    auto unit = [](snapshot& view) { return std::pair(view.events().epochs(), view.events().head()); };
    std::tie(epochs_, position_) = co_await db_.read(std::move(unit));
    epoch_ = epochs_.back().epoch;
    last_read_at_ = loop_.now();
}

task<> event_relay::run() {
    while (!stopping_) {
        pending_ = false;
        try {
            while (!stopping_ && co_await read_page()) {
            }
        } catch (std::exception const& e) {
            spdlog::error("could not read the event log: {}", e.what());
        }
        move_quiet_cursors();
        if (!pending_ && !stopping_) co_await news_.wait_until(loop_.now() + poll_period);
    }
}

// True where there may be another page.
task<bool> event_relay::read_page() {
    auto const from = head();
    auto unit = [after = from.seq](snapshot& view) { return view.events().read(after, page_size); };
    auto page = co_await db_.read(std::move(unit));
    last_read_at_ = loop_.now();
    GATEHOUSE_FAIL_POINT("relay.page_read");
    if (page.epoch.epoch > epoch_) co_await enter_newest_epoch();
    // Of another history, or from behind the place that the relay was moved back to meanwhile.
    if (page.epoch.epoch != from.epoch || epoch_ != from.epoch || position_ < from.seq) co_return true;
    pass_on(page.events);
    co_return static_cast<std::int64_t>(page.events.size()) == page_size;
}

// The log may have lost its end: what came in its place is told under the new epoch.
task<> event_relay::enter_newest_epoch() {
    auto unit = [](snapshot& view) { return view.events().epochs(); };
    auto found = co_await db_.read(std::move(unit));
    if (found.back().epoch <= epoch_) co_return;
    epochs_ = std::move(found);
    position_ = std::min(position_, last_shared(epoch_));
    epoch_ = epochs_.back().epoch;
    for (auto& [id, each] : subscriptions_) {
        each->delivered = std::min(each->delivered, last_shared(each->epoch));
        each->epoch = std::max(each->epoch, epoch_);
        // It was ahead in this epoch, and was told nothing while this process was not.
        if (!each->attached || each->delivered >= position_) continue;
        each->attached = false;
        group_.spawn(replay(id));
    }
}

// The last seq that means the same event in `epoch` and now.
std::int64_t event_relay::last_shared(std::int64_t epoch) const {
    auto last = std::numeric_limits<std::int64_t>::max();
    for (auto const& each : epochs_)
        if (each.epoch > epoch) last = std::min(last, each.first_seq - 1);
    return last;
}

// Tells every subscriber that has no gap before these. What was passed on already is told to nobody again.
void event_relay::pass_on(std::span<logged_event const> page) {
    if (page.empty() || page.back().seq <= position_) return;
    std::vector<std::string> encoded;
    for (auto const& e : page) encoded.push_back(encode_event(e.value));
    position_ = page.back().seq;
    // A subscriber may unsubscribe another one while it is told.
    auto told = subscriptions_;
    for (auto& [id, each] : told) {
        if (each->attached && each->to) deliver(*each, page, encoded);
    }
    GATEHOUSE_FAIL_POINT("relay.passed_on");
}

// True: the events that were committed are all there is behind the relay's position, and were passed on,
// which saves the way to the store.
bool event_relay::take_committed(std::span<logged_event const> events) {
    if (events.empty()) return false;
    auto expected = position_;
    for (auto const& each : events)
        if (each.seq != ++expected) return false;
    for (; !events.empty(); events = events.subspan(std::min<std::size_t>(events.size(), page_size)))
        pass_on(events.first(std::min<std::size_t>(events.size(), page_size)));
    return true;
}

void event_relay::deliver(
    subscription& to, std::span<logged_event const> page, std::vector<std::string> const& encoded
) {
    if (to.epoch > epoch_) return; // it has seen more than this process
    std::vector<outgoing_event> matching;
    for (std::size_t i = 0; i < page.size(); ++i) {
        auto const& [seq, value] = page[i];
        if (seq > to.delivered && to.filter.matches(value)) matching.push_back({{epoch_, seq}, encoded[i]});
    }
    // A subscriber that resumes may stand ahead of the relay.
    to.delivered = std::max(to.delivered, page.back().seq);
    if (matching.empty()) return;
    to.moved_at = loop_.now();
    to.to->on_events({epoch_, to.delivered}, matching);
}

// A quiet subscription that stayed at its old cursor would have to replay everybody else's events when it
// resumes.
void event_relay::move_quiet_cursors() {
    auto told = subscriptions_;
    for (auto& [id, each] : told) {
        if (!each->attached || !each->to || loop_.now() - each->moved_at < quiet_cursor_period) continue;
        each->moved_at = loop_.now();
        each->to->on_events({epoch_, each->delivered}, {});
    }
}

task<result<cursor>> event_relay::check(std::optional<std::string> after) {
    if (!after) co_return cursor{epoch_, position_};
    auto wanted = decode_cursor(*after);
    if (!wanted)
        co_return fail_param("/after", "format", "'" + *after + "' is not a cursor of this gateway.");
    auto unit = [wanted = *wanted](snapshot& view) -> result<cursor> {
        auto page = view.events().read(wanted.seq, 1);
        auto epochs = view.events().epochs();
        auto expired = [&](char const* reason) {
            cursor oldest{epochs.back().epoch, page.oldest_seq - 1};
            json::object details{{"oldest_cursor", encode_cursor(oldest)}, {"reason", reason}};
            return fail(
                errc::cursor_expired, "The events after this cursor are not kept any more.",
                std::move(details)
            );
        };
        for (std::size_t i = 0; i + 1 < epochs.size(); ++i) {
            if (epochs[i].epoch == wanted.epoch && wanted.seq >= epochs[i + 1].first_seq)
                return expired("tail_lost");
        }
        if (wanted.epoch > epochs.back().epoch || wanted.seq > view.events().head())
            return expired("tail_lost");
        if (wanted.seq + 1 < page.oldest_seq) return expired("retention");
        return cursor{epochs.back().epoch, wanted.seq};
    };
    co_return co_await db_.read(std::move(unit));
}

std::uint64_t event_relay::subscribe(event_filter filter, cursor from, event_subscriber& to) {
    auto id = next_id_++;
    auto made = std::make_shared<subscription>();
    made->filter = std::move(filter);
    made->to = &to;
    made->delivered = std::min(from.seq, last_shared(from.epoch));
    made->epoch = std::max(from.epoch, epoch_);
    made->moved_at = loop_.now();
    made->attached = made->delivered >= position_;
    subscriptions_[id] = made;
    if (!made->attached) group_.spawn(replay(id));
    return id;
}

void event_relay::unsubscribe(std::uint64_t id) {
    auto found = subscriptions_.find(id);
    if (found == subscriptions_.end()) return;
    found->second->to = nullptr;
    subscriptions_.erase(found);
}

task<> event_relay::replay(std::uint64_t id) {
    while (!stopping_) {
        auto found = subscriptions_.find(id);
        if (found == subscriptions_.end()) co_return;
        auto mine = found->second;
        if (mine->delivered >= position_) {
            mine->attached = true;
            co_return;
        }
        cursor const from{epoch_, mine->delivered};
        auto unit = [after = from.seq](snapshot& view) { return view.events().read(after, page_size); };
        event_log::page page;
        bool was_read = false;
        try {
            page = co_await db_.read(std::move(unit));
            if (page.epoch.epoch > epoch_) co_await enter_newest_epoch();
            was_read = true;
        } catch (std::exception const& e) {
            spdlog::error("a replay could not read the event log, trying again: {}", e.what());
        }
        GATEHOUSE_FAIL_POINT("relay.replay_read");
        if (!mine->to) co_return;
        if (!was_read) {
            co_await news_.wait_until(loop_.now() + poll_period);
            continue;
        }
        if (page.epoch.epoch != from.epoch || epoch_ != from.epoch || mine->delivered < from.seq) continue;
        if (mine->delivered + 1 < page.oldest_seq) {
            mine->to->on_cursor_expired({epoch_, page.oldest_seq - 1});
            co_return;
        }
        // The relay delivers from its own position on; what lies behind it is not replayed here.
        std::erase_if(page.events, [&](auto const& e) { return e.seq > position_; });
        if (page.events.empty()) {
            mine->delivered = position_;
            continue;
        }
        std::vector<std::string> encoded;
        for (auto const& e : page.events) encoded.push_back(encode_event(e.value));
        deliver(*mine, page.events, encoded);
    }
}

void event_relay::on_signals(commit_signals const& signals) {
    if (!signals.outbox || take_committed(signals.events)) return;
    pending_ = true;
    news_.notify();
}

void event_relay::on_ephemeral(event const& e) {
    std::string encoded;
    auto told = subscriptions_;
    for (auto& [id, each] : told) {
        if (!each->attached || !each->to || !each->filter.matches(e)) continue;
        if (encoded.empty()) {
            encoded = encode_event(e);
            encoded.insert(1, "\"ephemeral\":true,");
        }
        each->to->on_ephemeral({epoch_, each->delivered}, encoded);
    }
}

event event_relay::make_delta(origin const& from, std::int64_t offset, std::string_view text) {
    event e;
    e.event_id = ids_.make();
    e.topic = "run:" + from.run_id;
    e.category = "runs";
    e.session_id = from.session_id;
    e.principal = from.principal;
    e.type = "run.delta";
    e.occurred_at = time_.now();
    e.payload = json::serialize(json::object{
        {"run_id", from.run_id},
        {"step_id", from.step_id},
        {"attempt", from.attempt},
        {"offset", offset},
        {"text", text},
    });
    return e;
}

void event_relay::on_delta(origin const& from, std::int64_t offset, std::string_view text) {
    if (!subscriptions_.empty()) on_ephemeral(make_delta(from, offset, text));
    if (to_others_) collect(from, offset, text);
}

void event_relay::on_turn_end(origin const& from) { collected_.erase(from.run_id); }

// Pieces of one turn that follow each other go to the other processes as one.
void event_relay::collect(origin const& from, std::int64_t offset, std::string_view text) {
    if (collected_.empty() && collect_timer_ == 0) {
        collect_timer_ = loop_.start_timer(loop_.now() + collect_period, [this] { send_collected(); });
    }
    auto& open = collected_[from.run_id];
    bool const follows = open.from.step_id == from.step_id && open.from.attempt == from.attempt &&
                         open.offset + static_cast<std::int64_t>(open.text.size()) == offset;
    if (!follows || open.text.size() + text.size() > collected_bytes_max) {
        if (!open.text.empty()) to_others_(make_delta(open.from, open.offset, open.text));
        open = {from, offset, {}};
    }
    open.text += text;
}

void event_relay::send_collected() {
    collect_timer_ = 0;
    for (auto const& [run_id, piece] : std::exchange(collected_, {}))
        to_others_(make_delta(piece.from, piece.offset, piece.text));
}

task<> event_relay::stop() {
    stopping_ = true;
    loop_.stop_timer(collect_timer_);
    news_.notify();
    co_await group_.wait();
}

} // namespace gatehouse::core
