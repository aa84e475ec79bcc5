#include "tests/simulation/simulated_instance.hpp"

#include "app/gen/method_table.hpp"
#include "core/nodes/connect_node.hpp"

namespace gatehouse::simulation {

using namespace std::chrono_literals;

namespace {

void ignore(std::exception_ptr) {}

} // namespace

simulated_instance::simulated_instance(
    world_settings const& world, std::string instance_id, std::string incarnation, std::uint64_t seed,
    std::chrono::milliseconds clock_off_by,
    std::function<void(simulated_instance&, core::commit_signals const&)> on_commit
)
    : world_(world),
      instance_id_(std::move(instance_id)),
      incarnation_(std::move(incarnation)),
      loop_(world.time),
      own_clock_(world.time, clock_off_by),
      random_(seed),
      runs_(world.runs),
      db_(instance_id_, world.time, loop_, world.store, clock_, ids_, world.database),
      model_(world.time, loop_, world.model),
      nodes_(loop_, db_, world.secrets),
      environment_{loop_, db_, clock_, random_, models_, nodes_, relay_, world.secrets, lease_, runs_},
      lease_(
          loop_, db_, describe(), [this] { worker_.abandon_all(); }, [this] { worker_.resume(); }
      ),
      changes_(
          loop_, db_, instance_id_,
          {[this] { return watched_rows(); }, [this](auto const& signals) { on_signals(signals); },
           [](bool) {}}
      ),
      services_{
          {loop_, db_, clock_, random_, runs_, worker_, relay_, tapes_, nodes_, world.secrets, facts_, limits_
          }
      },
      background_(loop_, &ignore),
      peers_(loop_, &ignore),
      life_(loop_, &ignore) {
    runs_.instance_id = facts_.instance_id = instance_id_;
    for (auto&& row : {
             app::make_run_start(services_),
             app::make_run_cancel(services_),
             app::make_run_input(services_),
             app::make_run_fork(services_),
             app::make_message_route(services_),
             app::make_approval_resolve(services_),
         })
        methods_.emplace(row.descriptor->name, row);
    db_.set_witness([this, on_commit](core::commit_signals const& s) { on_commit(*this, s); });
    db_.set_commit_listener([this](core::commit_signals const& s) { on_signals(s); });
    life_.spawn(start());
}

simulated_instance::~simulated_instance() { kill(); }

core::instance simulated_instance::describe() const {
    core::instance i;
    i.instance_id = instance_id_;
    i.incarnation = incarnation_;
    i.lease_ms = world_.lease.count();
    i.started_at = i.heartbeat_at = clock_.now();
    return i;
}

core::watched_rows simulated_instance::watched_rows() const {
    core::watched_rows rows;
    rows.runs = worker_.run_ids();
    nodes_.add_watched(rows);
    return rows;
}

core::task<> simulated_instance::start() {
    for (bool registered = false, reads = false; !reads;) {
        try {
            if (!registered) co_await lease_.start();
            registered = true;
            co_await relay_.start();
            reads = true;
        } catch (std::exception const&) {
            // It would end, and be started again.
        }
        if (dead_) co_return;
        core::wakeup never(loop_);
        if (!reads) co_await never.wait_until(loop_.now() + 100ms);
    }
    background_.spawn(relay_.run());
    background_.spawn(lease_.run());
    background_.spawn(lease_.watch_for_ownerless_runs());
    background_.spawn(scheduler_.run());
    background_.spawn(changes_.run());
    background_.spawn(worker_.run());
    ready_ = true;
    world_.time.note(instance_id_, "is ready");
}

core::task<> simulated_instance::stop() {
    scheduler_.stop();
    changes_.stop();
    lease_.stop();
    co_await worker_.stop();
    tapes_.stop();
    nodes_.stop_waiting();
    peers_stop_.request();
    co_await peers_.wait();
    co_await relay_.stop();
    co_await background_.wait();
    co_await nodes_.stop();
}

void simulated_instance::kill() {
    if (std::exchange(dead_, true)) return;
    world_.time.note(instance_id_, "is killed");
    ready_ = false;
    db_.cut_off();
    for (auto const& each : std::exchange(wires_, {})) {
        nodes_.unwatch(each->device_id(), *each);
        if (each->connection_epoch != 0) nodes_.detach(each->device_id(), each->connection_epoch);
        each->break_off();
    }
    life_.spawn(stop());
    loop_.run_alone();
}

void simulated_instance::on_signals(core::commit_signals const& signals) {
    auto heard = signals;
    if (!world_.events_come_with_the_commit) heard.events.clear();
    worker_.on_signals(heard);
    relay_.on_signals(heard);
    tapes_.on_signals(heard);
    nodes_.on_signals(heard);
    scheduler_.on_signals(heard);
}

void simulated_instance::hear(core::commit_signals const& signals) {
    if (world_.time.luck().per_mille(world_.messages_lost)) return;
    auto heard = signals;
    heard.events.clear();
    loop_.after(world_.time.luck().between(100us, 20ms), [this, heard = std::move(heard)] {
        if (ready_) on_signals(heard);
    });
}

void simulated_instance::call(
    std::string method, boost::json::object params, std::optional<std::string> key,
    std::function<void(result<std::string>)> on_reply
) {
    auto const& row = methods_.at(method);
    app::caller who;
    who.principal = "user:ada";
    who.method = row.descriptor->name;
    who.idempotency_key = std::move(key);
    if (who.idempotency_key) who.request_hash = "hash of " + *who.idempotency_key;
    peers_.spawn(answer(row, std::move(params), std::move(who), std::move(on_reply)));
}

core::task<> simulated_instance::answer(
    app::method_row const& row, boost::json::object params, app::caller who,
    std::function<void(result<std::string>)> on_reply
) {
    app::reply_text reply = fail(errc::unavailable, "The store is away.");
    try {
        auto started = row.call(params, std::move(who));
        if (auto* at_once = std::get_if<app::reply_text>(&started))
            reply = std::move(*at_once);
        else
            reply = co_await std::get<core::task<app::reply_text>>(std::move(started));
    } catch (core::store_unavailable const&) {
    } catch (core::store_busy const&) {
    }
    if (!dead_) on_reply(std::move(reply));
}

void simulated_instance::admit(simulated_node& node, std::shared_ptr<node_wire> wire) {
    wires_.push_back(wire);
    peers_.spawn(admit_later(node, std::move(wire)));
}

core::task<> simulated_instance::admit_later(simulated_node& node, std::shared_ptr<node_wire> wire) {
    core::token with;
    with.kind = "node";
    with.device_id = node.device_id();
    core::device_claim claim;
    claim.device_id = node.device_id();
    auto unit = [with, claim, me = instance_id_](core::transaction& tx) {
        return core::connect_node(tx, with, claim, {}, me, 1h);
    };
    std::int64_t epoch = 0;
    try {
        auto admitted = co_await db_.write(std::move(unit));
        if (admitted) epoch = admitted->connection_epoch;
    } catch (std::exception const&) {
    }
    if (epoch != 0 && wire->is_broken()) nodes_.detach(node.device_id(), epoch);
    if (dead_ || wire->is_broken()) co_return;
    if (epoch == 0) co_return wire->break_off();
    world_.time.note(instance_id_, "admits", node.device_id(), epoch);
    wire->connection_epoch = epoch;
    nodes_.watch(node.device_id(), *wire);
    nodes_.attach(node.device_id(), epoch, *wire);
}

void simulated_instance::look_at_device(std::shared_ptr<node_wire> wire) {
    peers_.spawn(look_at_device_later(std::move(wire)));
}

core::task<> simulated_instance::look_at_device_later(std::shared_ptr<node_wire> wire) {
    auto unit = [id = wire->device_id()](core::snapshot& view) { return view.nodes().find(id); };
    try {
        auto device = co_await db_.read(std::move(unit));
        if (dead_ || wire->is_broken() || wire->connection_epoch == 0 || !device) co_return;
        bool const is_replaced = device->connection_epoch > wire->connection_epoch;
        if (is_replaced || device->instance_id != instance_id_) wire->break_off();
    } catch (std::exception const&) {
        // The next look comes within half a second.
    }
}

void simulated_instance::on_wire_broken(std::shared_ptr<node_wire> const& wire) {
    std::erase(wires_, wire);
    if (wire->connection_epoch == 0 || dead_) return;
    nodes_.unwatch(wire->device_id(), *wire);
    nodes_.detach(wire->device_id(), wire->connection_epoch);
}

} // namespace gatehouse::simulation
