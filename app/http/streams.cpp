// GET /events and GET /v1/runs/{run_id}/tape: what subscriptions bring, as server-sent events or NDJSON.
#include "app/http/http_routes.hpp"
#include "app/methods/describe.hpp"
#include "core/runs/change_run.hpp"
#include "protocol/gen/method_list.hpp"

#include <charconv>
#include <utility>

namespace gatehouse::app {

namespace {

// Proxies and clients see that the stream lives.
constexpr std::chrono::seconds keep_alive_period{15};

void append_sse(std::string& out, std::string_view id, std::string_view data) {
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    out.append("data: ").append(data).append("\n\n");
}

net::http_response stream_response(std::string media_type, std::unique_ptr<net::body_source> source) {
    net::http_response r;
    r.headers = {{"Content-Type", std::move(media_type)}, {"Cache-Control", "no-store"}};
    r.stream = std::move(source);
    return r;
}

class event_stream final : public net::body_source, public core::event_subscriber {
  public:
    // Over `bytes_max` that wait for a slow reader the stream ends, and the reader resumes with
    // Last-Event-ID.
    event_stream(core::loop& on, core::event_relay& relay, std::int64_t bytes_max)
        : loop_(on), relay_(relay), bytes_max_(static_cast<std::size_t>(bytes_max)), news_(on) {}
    ~event_stream() override { relay_.unsubscribe(id_); }

    void begin(core::event_filter filter, core::cursor from) {
        id_ = relay_.subscribe(std::move(filter), from, *this);
    }

    void on_events(core::cursor at, std::vector<core::outgoing_event> const& events) override {
        // Nothing comes behind what was dropped: the reader would resume from there.
        if (ended_) return;
        ended_ = waiting_.size() > bytes_max_;
        if (!ended_) {
            for (auto const& each : events) append_sse(waiting_, core::encode_cursor(each.at), each.text);
            if (events.empty()) waiting_ += "id: " + core::encode_cursor(at) + "\n\n";
        }
        news_.notify();
    }
    void on_ephemeral(core::cursor, std::string_view event) override {
        if (ended_ || waiting_.size() > bytes_max_ / 4) return;
        append_sse(waiting_, "", event);
        news_.notify();
    }
    void on_cursor_expired(core::cursor) override {
        ended_ = true;
        news_.notify();
    }

    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        auto stopped = stop.on_request([this] { news_.notify(); });
        if (!begun_) {
            begun_ = true;
            co_return ": connected\n\n";
        }
        while (waiting_.empty() && !ended_ && !stop.requested()) {
            if (!co_await news_.wait_until(loop_.now() + keep_alive_period)) co_return ": alive\n\n";
        }
        if (waiting_.empty() || stop.requested()) co_return std::nullopt;
        co_return std::exchange(waiting_, {});
    }

  private:
    core::loop& loop_;
    core::event_relay& relay_;
    std::size_t bytes_max_;
    core::wakeup news_;
    std::string waiting_;
    std::uint64_t id_ = 0;
    bool begun_ = false;
    bool ended_ = false;
};

// Follows the tape to the end of the run.
class tape_stream final : public net::body_source {
  public:
    explicit tape_stream(core::tape_reader tape) : tape_(std::move(tape)) {}

    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        if (ended_) co_return std::nullopt;
        auto page = co_await tape_.next(stop);
        if (!page || (page->ended && page->items.empty())) co_return std::nullopt;
        ended_ = page->ended;
        std::string piece;
        for (auto const& item : page->items) {
            std::string line;
            append_json(line, describe(item));
            append_sse(piece, std::to_string(item.seq), line);
        }
        co_return piece;
    }

  private:
    core::tape_reader tape_;
    bool ended_ = false;
};

// The tape as it is now.
class tape_so_far final : public net::body_source {
  public:
    tape_so_far(core::database& db, std::string run_id, std::int64_t after_seq)
        : db_(db), run_id_(std::move(run_id)), after_seq_(after_seq) {}

    core::task<std::optional<std::string>> next(core::cancellation& stop) override {
        if (stop.requested()) co_return std::nullopt;
        auto unit = [id = run_id_, after = after_seq_](core::snapshot& view) {
            return view.runs().tape(id, after, 100);
        };
        auto items = co_await db_.read(std::move(unit));
        if (items.empty()) co_return std::nullopt;
        after_seq_ = items.back().seq;
        std::string piece;
        for (auto const& item : items) {
            append_json(piece, describe(item));
            piece += '\n';
        }
        co_return piece;
    }

  private:
    core::database& db_;
    std::string run_id_;
    std::int64_t after_seq_;
};

std::vector<std::string> split_topics(std::string_view text) {
    std::vector<std::string> topics;
    while (!text.empty()) {
        auto comma = text.find(',');
        if (auto one = text.substr(0, comma); !one.empty()) topics.emplace_back(one);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return topics;
}

result<std::int64_t> after_seq_of(net::http_request const& request) {
    auto text = request.header("last-event-id");
    if (!text) text = request.query_parameter("after_seq");
    if (!text) return 0;
    std::int64_t seq = 0;
    auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), seq);
    if (failure != std::errc() || end != text->data() + text->size() || seq < 0) {
        return fail(
            errc::invalid_params, "after_seq: '" + std::string(*text) + "' is not the number of a tape item."
        );
    }
    return seq;
}

} // namespace

core::task<net::http_response> http_routes::events(net::http_request const& request, peer from) {
    core::event_filter filter;
    filter.topics = split_topics(request.query_parameter("topics").value_or("*"));
    boost::json::object params{{"topics", boost::json::array(filter.topics.begin(), filter.topics.end())}};
    auto const* method = protocol::find_method("events.subscribe");
    if (auto fits = env_.calls.check_params(*method, params); !fits) co_return problem_response(fits.error());
    filter.principal = from.principal;
    filter.sees_all = from.scopes.is_admin();
    filter.sees_pairings = from.scopes.has(protocol::scope::pair);
    auto after = request.header("last-event-id");
    if (!after) after = request.query_parameter("after");
    auto& relay = env_.all.get<core::event_relay>();
    auto start = co_await relay.check(after ? std::optional<std::string>(*after) : std::nullopt);
    if (!start) co_return problem_response(start.error());
    auto source = std::make_unique<event_stream>(
        env_.all.get<core::loop>(), relay, env_.all.get<contract_limits const>().outbound_bytes_max
    );
    source->begin(std::move(filter), *start);
    co_return stream_response("text/event-stream", std::move(source));
}

core::task<net::http_response>
http_routes::tape(net::http_request const& request, peer from, std::string run_id) {
    auto after = after_seq_of(request);
    if (!after) co_return problem_response(after.error());
    core::actor who{from.principal, from.scopes.is_admin()};
    auto& db = env_.all.get<core::database>();
    auto unit = [run_id, who](core::snapshot& view) { return core::find_run(view, run_id, who); };
    auto found = co_await db.read(std::move(unit));
    if (!found) co_return problem_response(found.error());
    auto accept = request.header("accept").value_or("");
    if (accept.find("text/event-stream") == std::string_view::npos) {
        co_return stream_response(
            "application/x-ndjson", std::make_unique<tape_so_far>(db, std::move(run_id), *after)
        );
    }
    auto reader = env_.all.get<core::tape_feed>().follow(std::move(run_id), *after);
    co_return stream_response("text/event-stream", std::make_unique<tape_stream>(std::move(reader)));
}

} // namespace gatehouse::app
