#include "core/instances/lease_keeper.hpp"

#include "core/events/make_event.hpp"
#include "core/execution/fail_point.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>

#include <algorithm>

namespace gatehouse::core {

namespace {

// Twice within the second after which a process without its lock is taken for dead.
constexpr std::chrono::milliseconds renewal_period_max{500};
// No effect is begun in the last moment of a lease.
constexpr std::chrono::milliseconds last_moment_max{1'000};
// A look for ownerless runs reads every unfinished one, and where a snapshot is kept open, those that ended
// since: it gets a hundredth of the time.
constexpr int pause_after_look = 100;
constexpr std::chrono::seconds pause_max{15};

} // namespace

void declare_dead(transaction& tx, std::string const& instance_id, std::string_view reason) {
    if (tx.runs().release_all_of(instance_id) > 0) tx.signals().queue = true;
    for (auto const& device_id : tx.nodes().disconnect_all_of(instance_id)) {
        auto n = tx.nodes().find(device_id);
        if (!n) continue;
        tx.invocations().requeue(device_id, n->connection_epoch);
        tx.publish(
            make_shared_event(tx, "nodes", "node.offline", {{"device_id", n->device_id}, {"label", n->label}})
        );
    }
    tx.instances().remove(instance_id);
    tx.publish(make_shared_event(
        tx, "instances", "instance.left", {{"instance_id", instance_id}, {"reason", reason}}
    ));
}

lease_keeper::lease_keeper(
    loop& on, database& db, instance self, std::function<void()> on_lost, std::function<void()> on_regained
)
    : loop_(on),
      db_(db),
      self_(std::move(self)),
      on_lost_(std::move(on_lost)),
      on_regained_(std::move(on_regained)),
      stopped_(on) {}

task<> lease_keeper::start() {
    auto sent_at = loop_.now();
    patient_until_ = sent_at + lease();
    auto unit = [self = self_](transaction& tx) {
        for (auto const& dead : tx.instances().predecessors(self.incarnation, self.instance_id)) {
            declare_dead(tx, dead.instance_id, "its data directory was taken over");
        }
        // What it claimed between its death and the news of it: nobody here works on that.
        if (tx.runs().release_all_of(self.instance_id) > 0) tx.signals().queue = true;
        tx.instances().insert(self);
        tx.publish(make_shared_event(tx, "instances", "instance.joined", {{"instance_id", self.instance_id}})
        );
    };
    // The session that renews the lease holds the process's lock, from the first moment on.
    co_await db_.write_urgently(std::move(unit));
    held_until_ = sent_at + lease();
}

bool lease_keeper::may_act() const {
    return loop_.now() < held_until_ - std::min(last_moment_max, lease() / 5);
}

steady_time::duration lease_keeper::renewal_period() const {
    return std::min(renewal_period_max, lease() / 3);
}

task<> lease_keeper::run() {
    while (!stopping_) {
        co_await stopped_.wait_until(loop_.now() + renewal_period());
        if (stopping_) break;
        try {
            co_await beat();
        } catch (std::exception const& e) {
            patient_until_ = loop_.now() + lease();
            spdlog::error("the lease could not be renewed: {}", e.what());
        }
    }
}

task<> lease_keeper::beat() {
    auto sent_at = loop_.now();
    auto unit = [id = self_.instance_id](transaction& tx) {
        bool is_mine = tx.instances().heartbeat(id);
        return std::pair(is_mine, is_mine && tx.instances().any_lapsed(id));
    };
    GATEHOUSE_FAIL_POINT("lease.before_beat");
    auto [is_mine, any_dead] = co_await db_.write_urgently(std::move(unit));
    GATEHOUSE_FAIL_POINT("lease.renewed");
    if (is_mine) {
        held_until_ = sent_at + lease();
        if (any_dead && loop_.now() >= patient_until_) co_await bury_the_dead();
        co_return;
    }
    spdlog::warn("this process was declared dead by another; it begins anew");
    on_lost_();
    GATEHOUSE_FAIL_POINT("lease.lost");
    co_await start();
    on_regained_();
}

task<> lease_keeper::bury_the_dead() {
    auto unit = [me = self_.instance_id](transaction& tx) {
        for (auto const& each : tx.instances().lock_lapsed(me)) {
            declare_dead(tx, each.instance_id, "its lease lapsed");
        }
    };
    co_await db_.write_urgently(std::move(unit));
    GATEHOUSE_FAIL_POINT("lease.dead_buried");
}

task<> lease_keeper::watch_for_ownerless_runs() {
    while (!stopping_) {
        auto const began = loop_.now();
        auto pause = renewal_period();
        try {
            co_await release_ownerless_runs();
            pause =
                std::clamp<steady_time::duration>(pause_after_look * (loop_.now() - began), pause, pause_max);
        } catch (std::exception const& e) {
            spdlog::warn("could not look for runs whose owner is gone: {}", e.what());
        }
        if (!stopping_) co_await stopped_.wait_until(loop_.now() + pause);
    }
}

task<> lease_keeper::release_ownerless_runs() {
    auto look = [](snapshot& view) { return view.runs().any_ownerless(); };
    if (!co_await db_.read(std::move(look))) co_return;
    auto unit = [](transaction& tx) {
        if (tx.runs().release_ownerless() > 0) tx.signals().queue = true;
    };
    co_await db_.write_urgently(std::move(unit));
}

task<> lease_keeper::leave() {
    auto unit = [me = self_.instance_id](transaction& tx) { declare_dead(tx, me, "it stopped"); };
    co_await db_.write(std::move(unit));
}

void lease_keeper::stop() {
    stopping_ = true;
    stopped_.notify();
}

} // namespace gatehouse::core
