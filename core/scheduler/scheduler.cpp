#include "core/scheduler/scheduler.hpp"

#include "core/approvals/close_approval.hpp"
#include "core/execution/fail_point.hpp"
#include "core/nodes/change_pairing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gatehouse::core {

namespace {

constexpr std::chrono::seconds look_period{1};
// Looks that are further apart left a time in which nobody watched: the process was stopped, the machine
// slept, the store was away. Shorter breaks are lateness: their slots fire.
constexpr std::chrono::seconds break_max{10};
constexpr std::chrono::hours key_age{24};
// No channel delivers a message once more after such a time.
constexpr std::chrono::hours routed_message_age{90 * 24};
constexpr std::chrono::minutes forget_period{1};
constexpr std::int64_t due_max = 256;
constexpr std::int64_t chunk = 1'000; // rows that one transaction removes or closes
constexpr int chunks_max = 16;        // removed before the clock is looked at again

} // namespace

struct scheduler::view {
    leader_store::seat leader;
    std::vector<trigger> due;
    std::optional<std::chrono::milliseconds> time_to_next;
};

task<> scheduler::run() {
    while (!stopping_) {
        nudged_ = false;
        wake_at_ = loop_.now() + look_period;
        try {
            co_await work();
        } catch (std::exception const& e) {
            spdlog::error("the scheduler's work has to wait: {}", e.what());
        }
        if (!nudged_ && !stopping_) co_await due_.wait_until(wake_at_);
    }
    try {
        co_await give_up();
    } catch (std::exception const& e) {
        spdlog::warn("the scheduler's lead ends with this process's lease: {}", e.what());
    }
}

task<> scheduler::work() {
    auto seen = co_await look();
    GATEHOUSE_FAIL_POINT("scheduler.looked");
    note_look(seen.leader.now);
    if (!seen.leader.instance_id) {
        auto unit = [me = runs_.instance_id](transaction& tx) { return tx.leader().take(me); };
        if (co_await db_.write(std::move(unit))) {
            GATEHOUSE_FAIL_POINT("scheduler.lead_taken");
            spdlog::info("this process's scheduler works now");
            nudged_ = true;
        }
    }
    if (seen.leader.instance_id != runs_.instance_id) co_return;
    if (seen.time_to_next) wake_at_ = std::min(wake_at_, loop_.now() + *seen.time_to_next);
    co_await fire(std::move(seen.due), {watching_since_, seen.leader.now});
    if (loop_.now() >= expire_at_) co_await expire();
    if (loop_.now() >= forget_at_) co_await forget();
}

task<scheduler::view> scheduler::look() {
    auto unit = [me = runs_.instance_id](snapshot& tables) {
        view seen;
        seen.leader = tables.leader().look();
        if (seen.leader.instance_id != me) return seen;
        seen.due = tables.triggers().due(due_max);
        // In this order: what was due a moment ago is due now.
        seen.leader.now = tables.leader().look().now;
        seen.time_to_next = tables.triggers().time_to_next();
        return seen;
    };
    co_return co_await db_.read(std::move(unit));
}

// Also with each piece of work: who is busy watches.
void scheduler::note_look(timestamp now) {
    bool is_unbroken = last_look_ && now >= *last_look_ && now - *last_look_ <= break_max;
    if (!is_unbroken) watching_since_ = now;
    last_look_ = now;
}

// A trigger that fails keeps nobody else from firing; it is due again with the next look.
task<> scheduler::fire(std::vector<trigger> due, watch watched) {
    bool all_done = true;
    for (auto const& each : due) {
        if (stopping_) co_return;
        try {
            auto unit = [each, watched, settings = runs_](transaction& tx) -> result<timestamp> {
                auto fired = fire_due(tx, each, watched, settings);
                if (!fired) return std::unexpected(fired.error());
                return tx.now();
            };
            GATEHOUSE_FAIL_POINT("scheduler.before_fire");
            if (auto now = co_await db_.write(std::move(unit))) note_look(*now);
            GATEHOUSE_FAIL_POINT("scheduler.fired");
        } catch (std::exception const& e) {
            all_done = false;
            spdlog::error("the trigger {} could not be fired now: {}", each.name, e.what());
        }
    }
    if (!due.empty() && all_done) nudged_ = true; // there may be more, and the next slot is another one
    if (!all_done) wake_at_ = std::max(wake_at_, loop_.now() + look_period);
}

task<> scheduler::expire() {
    expire_at_ = loop_.now() + look_period;
    co_await nodes_.expire_calls();
    GATEHOUSE_FAIL_POINT("scheduler.calls_expired");
    auto unit = [](transaction& tx) {
        expire_pairings(tx);
        for (auto const& a : tx.approvals().lock_expired_without_run(chunk)) {
            close_approval(tx, a, approval_state::expired);
        }
        return tx.now();
    };
    note_look(co_await db_.write(std::move(unit)));
    GATEHOUSE_FAIL_POINT("scheduler.expired");
}

task<> scheduler::forget() {
    forget_at_ = loop_.now() + forget_period;
    bool all_done = false;
    for (int i = 0; i < chunks_max && !all_done && !stopping_; ++i) {
        auto unit = [kept = kept_](transaction& tx) {
            auto left = chunk;
            left -= tx.idempotency().remove_before(tx.now() - key_age, left);
            left -= tx.routed_messages().remove_before(tx.now() - routed_message_age, left);
            auto& old = tx.retention();
            if (kept.events) left -= old.remove_events_before(tx.now() - *kept.events, left);
            if (kept.firings) left -= old.remove_firings_before(tx.now() - *kept.firings, left);
            if (kept.runs) left -= old.remove_runs_before(tx.now() - *kept.runs, left);
            return std::pair(left - old.remove_remains(left), tx.now());
        };
        auto const [left, now] = co_await db_.write(std::move(unit));
        note_look(now);
        all_done = left > 0;
        GATEHOUSE_FAIL_POINT("scheduler.forgot");
    }
    if (!all_done) forget_at_ = loop_.now() + look_period;
}

task<> scheduler::give_up() {
    auto unit = [me = runs_.instance_id](transaction& tx) { tx.leader().give_up(me); };
    co_await db_.write(std::move(unit));
}

void scheduler::on_signals(commit_signals const& signals) {
    if (signals.triggers) nudge();
}

// Also heard by work that is under way.
void scheduler::nudge() {
    nudged_ = true;
    due_.notify();
}

void scheduler::stop() {
    stopping_ = true;
    nudge();
}

} // namespace gatehouse::core
