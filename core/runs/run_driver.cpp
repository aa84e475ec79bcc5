#include "core/runs/run_driver.hpp"

#include "core/execution/fail_point.hpp"
#include "core/runs/run_steps.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <exception>
#include <span>

namespace gatehouse::core {

namespace {

constexpr std::chrono::milliseconds store_retry_delay{500};
constexpr std::chrono::milliseconds lease_look_period{50};
constexpr int defects_max = 3; // in a row

// The store compares the deadline with its own clock, so the timer comes a little late rather than early.
constexpr std::chrono::milliseconds deadline_slack{5};

double draw_fraction(random_source& random) {
    std::array<std::byte, 4> bytes{};
    random.fill(bytes);
    std::uint32_t n = 0;
    for (auto b : bytes) n = (n << 8) | std::to_integer<std::uint32_t>(b);
    return n / 4294967296.0;
}

void clean(turn_outcome& said, secret_filter const& secrets) {
    if (!said) {
        secrets.clean(said.error().message);
        return;
    }
    secrets.clean(said->text);
    for (auto& call : said->tool_calls) secrets.clean(call.arguments);
}

// Publishes the pieces of one turn with their place in its text, where anybody is to read them.
class turn_sink final : public text_sink {
  public:
    turn_sink(delta_listener* to, delta_listener::origin from) : to_(to), from_(std::move(from)) {}
    void on_text(std::string_view piece) override {
        if (!to_) return;
        to_->on_delta(from_, offset_, piece);
        offset_ += static_cast<std::int64_t>(piece.size());
    }
    void end() {
        if (to_) to_->on_turn_end(from_);
    }

  private:
    delta_listener* to_;
    delta_listener::origin from_;
    std::int64_t offset_ = 0;
};

} // namespace

run_driver::run_driver(run_environment const& env, run_lease lease, std::optional<run_action> first)
    : env_(env),
      lease_(std::move(lease)),
      first_(std::move(first)),
      news_(env.on),
      effects_(env.on, [](std::exception_ptr) { std::terminate(); }) {}

void run_driver::on_inbox() {
    inbox_ = true;
    news_.notify();
}

void run_driver::abandon() {
    abandoned_ = true;
    stop_.request();
    news_.notify();
}

task<> run_driver::drive() {
    while (!abandoned_) {
        auto action = co_await next_action();
        GATEHOUSE_FAIL_POINT("driver.decided");
        co_await wait_for_lease();
        if (abandoned_) break;
        deadline_at_ = action.deadline_at;
        if (action.what == run_action::kind::turn) {
            turn_in_flight_ = true;
            effects_.spawn(take_turn(std::move(action)));
        } else if (action.what == run_action::kind::work) {
            for (auto& begun : action.started) {
                progress_.in_flight.insert(begun.value.ordinal);
                effects_.spawn(take_step(std::move(begun)));
            }
        } else {
            break;
        }
        co_await wait_for_news();
    }
    stop_.request();
    co_await effects_.wait();
}

// A process that stood still may have lost its runs without knowing it yet: it learns so before its next
// effect.
task<> run_driver::wait_for_lease() {
    while (!abandoned_ && !env_.lease.may_act()) co_await news_.wait_until(env_.on.now() + lease_look_period);
}

task<run_action> run_driver::next_action() {
    if (auto first = std::exchange(first_, std::nullopt)) co_return std::move(*first);
    co_return co_await advance(take_progress());
}

// A store that is away is asked again for as long as the lease is ours: nothing of the attempt was committed.
// Whatever else fails, fails again; then the run ends rather than going on for ever.
task<run_action> run_driver::advance(run_progress progress) {
    progress.jitter = draw_fraction(env_.random);
    int defects = 0;
    while (!abandoned_) {
        try {
            auto unit = [lease = lease_, progress, defects, &settings = env_.settings](transaction& tx) {
                if (defects == defects_max) return give_up(tx, lease);
                return advance_run(tx, lease, progress, settings);
            };
            GATEHOUSE_FAIL_POINT("driver.before_advance");
            co_return co_await env_.db.write(std::move(unit));
        } catch (store_unavailable const& e) {
            spdlog::error("run {}: the store is away, trying again: {}", lease_.run_id, e.what());
        } catch (store_busy const& e) {
            spdlog::warn("run {}: the store is busy, trying again: {}", lease_.run_id, e.what());
        } catch (std::exception const& e) {
            defects = defects == defects_max ? 0 : defects + 1;
            spdlog::error("run {}: a step failed, trying again: {}", lease_.run_id, e.what());
        }
        wakeup never(env_.on);
        co_await never.wait_until(env_.on.now() + store_retry_delay);
    }
    co_return run_action{};
}

run_progress run_driver::take_progress() {
    run_progress taken = progress_;
    progress_.turn.reset();
    progress_.steps.clear();
    return taken;
}

task<> run_driver::take_turn(run_action action) {
    delta_listener::origin from{
        lease_.run_id, lease_.session_id, action.principal, turn_id(action.turn), action.request.attempt
    };
    bool const is_read = action.request.purpose == run_purpose::message;
    turn_sink sink(is_read ? &env_.deltas : nullptr, std::move(from));
    auto entry = env_.models.find(action.model);
    if (!entry) {
        progress_.turn = std::unexpected(provider_error{
            "rejected",
            "There is no model '" + action.model + "': name one of the configuration's models, or 'demo'.",
            false,
            {}
        });
    } else {
        action.request.model = entry->model_name;
        GATEHOUSE_FAIL_POINT("driver.before_turn");
        auto said = co_await entry->provider->turn(action.request, sink, stop_);
        GATEHOUSE_FAIL_POINT("driver.turn_taken");
        sink.end();
        clean(said, env_.secrets);
        progress_.turn = std::move(said);
    }
    turn_in_flight_ = false;
    news_.notify();
}

task<> run_driver::take_step(started_step begun) {
    GATEHOUSE_FAIL_POINT("driver.before_step");
    auto outcome = co_await env_.steps.carry_out(begun, stop_);
    GATEHOUSE_FAIL_POINT("driver.step_taken");
    progress_.in_flight.erase(begun.value.ordinal);
    progress_.steps.push_back(std::move(outcome));
    news_.notify();
}

task<> run_driver::wait_for_news() {
    while (!abandoned_ && !progress_.turn && progress_.steps.empty()) {
        if (std::exchange(inbox_, false)) {
            // Calls under way don't keep a message waiting; a turn does, but for a cancellation.
            if (!turn_in_flight_) co_return;
            if (co_await was_cancelled()) stop_.request();
            continue;
        }
        if (!deadline_at_) {
            co_await news_.wait();
            continue;
        }
        auto when = env_.on.now() + (*deadline_at_ - env_.time.now()) + deadline_slack;
        if (co_await news_.wait_until(when)) continue;
        deadline_at_.reset();
        stop_.request();
        if (!turn_in_flight_) co_return;
    }
}

task<bool> run_driver::was_cancelled() {
    try {
        auto unit = [id = lease_.run_id](snapshot& view) {
            auto found = view.runs().find(id);
            return !found || found->cancel_reason.has_value();
        };
        co_return co_await env_.db.read(std::move(unit));
    } catch (std::exception const& e) {
        spdlog::warn("run {}: could not read whether it was cancelled: {}", lease_.run_id, e.what());
        co_return false;
    }
}

} // namespace gatehouse::core
