#include "core/instances/lease_keeper.hpp"

#include "core/events/make_event.hpp"
#include "core/execution/fail_point.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>

namespace gatehouse::core {

void declare_dead(transaction& tx, std::string const& instance_id, std::string_view reason) {
    if (tx.runs().release_all_of(instance_id) > 0) tx.signals().queue = true;
    for (auto const& device_id : tx.nodes().disconnect_all_of(instance_id)) {
        auto n = tx.nodes().find(device_id);
        if (!n) continue;
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
    patient_until_ = loop_.now() + std::chrono::milliseconds(self_.lease_ms);
    auto unit = [self = self_](transaction& tx) {
        for (auto const& dead : tx.instances().predecessors(self.incarnation, self.instance_id)) {
            declare_dead(tx, dead.instance_id, "its data directory was taken over");
        }
        tx.instances().insert(self);
        tx.publish(make_shared_event(tx, "instances", "instance.joined", {{"instance_id", self.instance_id}})
        );
    };
    co_await db_.write(std::move(unit));
}

task<> lease_keeper::run() {
    while (!stopping_) {
        co_await stopped_.wait_until(loop_.now() + std::chrono::milliseconds(self_.lease_ms / 3));
        if (stopping_) break;
        try {
            co_await beat();
            if (loop_.now() >= patient_until_) co_await bury_the_dead();
        } catch (std::exception const& e) {
            patient_until_ = loop_.now() + std::chrono::milliseconds(self_.lease_ms);
            spdlog::error("the lease could not be renewed: {}", e.what());
        }
    }
}

task<> lease_keeper::beat() {
    auto unit = [id = self_.instance_id](transaction& tx) { return tx.instances().heartbeat(id); };
    GATEHOUSE_FAIL_POINT("lease.before_beat");
    bool const is_ours = co_await db_.write(std::move(unit));
    GATEHOUSE_FAIL_POINT("lease.renewed");
    if (is_ours) co_return;
    spdlog::warn("this process was declared dead by another; it begins anew");
    on_lost_();
    GATEHOUSE_FAIL_POINT("lease.lost");
    co_await start();
    on_regained_();
}

task<> lease_keeper::bury_the_dead() {
    auto unit = [me = self_.instance_id](transaction& tx) {
        for (auto const& each : tx.instances().lock_lapsed()) {
            if (each.instance_id != me) declare_dead(tx, each.instance_id, "its lease lapsed");
        }
    };
    co_await db_.write(std::move(unit));
    GATEHOUSE_FAIL_POINT("lease.dead_buried");
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
