#include "core/storage/change_poll.hpp"

#include <spdlog/spdlog.h>

namespace gatehouse::core {

namespace {

constexpr std::chrono::milliseconds poll_period{500};
// A revocation counts everywhere within a second. Whoever has not looked for so long holds still instead.
constexpr std::chrono::milliseconds blind_after{900};
// A transaction may show its row this long after it drew its time: its COMMIT may wait for a standby or a
// disk.
constexpr std::chrono::seconds latest_commit{60};

commit_signals find_changes(
    snapshot const& view, std::string const& instance_id, watched_rows const& watched, timestamp since
) {
    commit_signals found;
    found.inboxes = view.runs().with_news(watched.runs);
    found.invocations = view.invocations().finished_among(watched.invocations);
    found.devices = view.invocations().devices_with_queued(instance_id);
    for (auto& id : view.nodes().taken_from(instance_id, watched.devices))
        found.devices.push_back(std::move(id));
    for (auto& id : view.nodes().decided_among(watched.waiting)) found.devices.push_back(std::move(id));
    found.tokens = view.tokens().revoked_since(since);
    return found;
}

} // namespace

change_poll::change_poll(loop& on, database& db, std::string instance_id, ports to)
    : loop_(on), db_(db), instance_id_(std::move(instance_id)), to_(std::move(to)), stopped_(on) {}

task<> change_poll::run() {
    while (!stopping_) {
        auto next = loop_.now() + poll_period;
        try {
            co_await look();
        } catch (std::exception const& e) {
            spdlog::warn("could not look for what other processes changed: {}", e.what());
        }
        if (!stopping_) co_await stopped_.wait_until(next);
    }
    loop_.stop_timer(alarm_);
}

task<> change_poll::look() {
    auto began = loop_.now();
    auto unit = [id = instance_id_, watched = to_.watched(), since = seen_until_](snapshot& view) {
        return std::pair(view.now(), find_changes(view, id, watched, since));
    };
    auto [seen_at, changes] = co_await db_.read(std::move(unit));
    seen_until_ = seen_at - latest_commit;
    to_.on_changes(changes);
    loop_.stop_timer(alarm_);
    if (loop_.now() - began >= blind_after) co_return;
    if (std::exchange(blind_, false)) to_.on_blind(false);
    alarm_ = loop_.start_timer(began + blind_after, [this] {
        blind_ = true;
        to_.on_blind(true);
    });
}

void change_poll::stop() {
    stopping_ = true;
    stopped_.notify();
}

} // namespace gatehouse::core
