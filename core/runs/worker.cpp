#include "core/runs/worker.hpp"

#include "core/execution/fail_point.hpp"
#include "core/runs/claim_runs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gatehouse::core {

namespace {

// Wake-ups make the queue quick; this makes it correct without them.
constexpr std::chrono::milliseconds poll_period{500};
constexpr std::int64_t claim_batch_max = 32;

} // namespace

worker::worker(run_environment const& env)
    : env_(env), due_(env.on), group_(env.on, [](std::exception_ptr failure) {
          try {
              std::rethrow_exception(failure);
          } catch (std::exception const& e) {
              spdlog::error("a run stopped unexpectedly and will be taken up again: {}", e.what());
          }
      }) {}

std::int64_t worker::free_slots() const {
    if (stopping_ || suspended_) return 0;
    return env_.settings.slots - reserved_ - static_cast<std::int64_t>(drivers_.size());
}

// A quarter is kept for people's messages, but for a worker's only slot.
std::int64_t worker::background_slots() const {
    auto const slots = env_.settings.slots;
    return free_slots() - std::min((slots + 3) / 4, slots - 1);
}

bool worker::try_reserve_slot() {
    if (free_slots() <= 0) return false;
    ++reserved_;
    return true;
}

void worker::release_slot() {
    bool const was_full = free_slots() <= 0;
    --reserved_;
    if (was_full) nudge();
}

void worker::adopt(run_lease lease, std::int64_t begun_in, std::optional<run_action> first) {
    --reserved_;
    // Then the driver asks first, and the fence tells it.
    if (begun_in != tenure_) first.reset();
    auto driver = std::make_shared<run_driver>(env_, std::move(lease), std::move(first));
    drivers_[{driver->lease().run_id, driver->lease().epoch}] = driver;
    // Not for a lease that was lost: the claim may stand under the new one. It waits for that, and the fence
    // tells it otherwise.
    if (stopping_) driver->abandon();
    group_.spawn(drive(std::move(driver)));
}

task<> worker::drive(std::shared_ptr<run_driver> driver) {
    co_await driver->drive();
    GATEHOUSE_FAIL_POINT("worker.let_go");
    // Who waits in the queue was told of when it came, unless there was no slot.
    bool const was_full = free_slots() <= 0;
    drivers_.erase({driver->lease().run_id, driver->lease().epoch});
    if (was_full) nudge();
}

void worker::on_signals(commit_signals const& signals) {
    for (auto const& run_id : signals.inboxes) {
        for (auto at = drivers_.lower_bound({run_id, 0}); at != drivers_.end() && at->first.first == run_id;
             ++at) {
            at->second->on_inbox();
        }
    }
    if (signals.queue) nudge();
}

std::vector<std::string> worker::run_ids() const {
    std::vector<std::string> ids;
    for (auto const& [key, driver] : drivers_) ids.push_back(key.first);
    return ids;
}

// Also heard by a claim that is under way.
void worker::nudge() {
    nudged_ = true;
    due_.notify();
}

task<> worker::run() {
    while (!stopping_) {
        nudged_ = false;
        auto wake_at = env_.on.now() + poll_period;
        try {
            auto next = co_await claim_due();
            if (next)
                wake_at = std::min(
                    wake_at, env_.on.now() + std::max(*next - env_.time.now(), std::chrono::milliseconds(1))
                );
        } catch (std::exception const& e) {
            spdlog::error("could not look for due runs: {}", e.what());
        }
        if (!nudged_ && !stopping_) co_await due_.wait_until(wake_at);
    }
}

// Claims what is due; when the next one will be.
task<std::optional<timestamp>> worker::claim_due() {
    if (free_slots() <= 0) co_return std::nullopt;
    auto when_unit = [](snapshot& view) { return view.runs().next_claimable_at(); };
    auto next = co_await env_.db.read(std::move(when_unit));
    auto const now = env_.time.now();
    auto is_due = [&](std::optional<timestamp> const& at) { return at && *at <= now; };
    if (is_due(next.messages)) {
        co_await claim(free_slots(), run_queue::messages);
        co_return std::nullopt;
    }
    if (is_due(next.background)) {
        co_await claim(background_slots(), run_queue::background);
        co_return next.messages;
    }
    if (!next.messages || !next.background) co_return next.messages ? next.messages : next.background;
    co_return std::min(*next.messages, *next.background);
}

task<> worker::claim(std::int64_t limit, run_queue from) {
    limit = std::min(limit, claim_batch_max);
    if (limit <= 0) co_return;
    GATEHOUSE_FAIL_POINT("worker.before_claim");
    reserved_ += limit;
    auto const begun_in = tenure_;
    std::vector<claimed_run> claimed;
    try {
        auto claim_unit = [limit, from, &settings = env_.settings](transaction& tx) {
            return claim_runs(tx, settings.instance_id, limit, from, &settings);
        };
        claimed = co_await env_.db.write(std::move(claim_unit));
    } catch (...) {
        reserved_ -= limit;
        throw;
    }
    GATEHOUSE_FAIL_POINT("worker.claimed");
    reserved_ -= limit - static_cast<std::int64_t>(claimed.size());
    for (auto& each : claimed) adopt(std::move(each.lease), begun_in, std::move(each.first));
    // There may be more than one batch.
    if (static_cast<std::int64_t>(claimed.size()) == limit) nudged_ = true;
}

void worker::abandon_all() {
    suspended_ = true;
    ++tenure_;
    for (auto const& [key, driver] : drivers_) driver->abandon();
}

task<> worker::stop() {
    stopping_ = true;
    abandon_all();
    due_.notify();
    co_await group_.wait();
}

} // namespace gatehouse::core
