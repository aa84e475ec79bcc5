#pragma once
// One process of the gateway without sockets: everything of core that `gatehouse serve` runs, and the methods
// that people and clients call, on a loop of its own in the world's time.
#include "app/dispatch/method_row.hpp"
#include "app/dispatch/services.hpp"
#include "core/instances/lease_keeper.hpp"
#include "core/ports/store_clock.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/storage/change_poll.hpp"
#include "tests/simulation/scripted_model.hpp"
#include "tests/simulation/simulated_database.hpp"
#include "tests/simulation/simulated_node.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::simulation {

// What every process of one world shares.
struct world_settings {
    schedule& time;
    simulated_store& store;
    core::secret_filter const& secrets;
    core::run_settings runs{};
    std::chrono::milliseconds lease{1'000};
    database_faults database{};
    model_habits model{};
    node_habits node{};
    bool events_come_with_the_commit = true; // SQLite: the log's numbers are known at the commit
    unsigned messages_lost = 0;              // in thousandths of those between processes
};

class simulated_instance {
  public:
    // `incarnation`: of the data directory. `on_commit` hears of each commit of this process as it happens.
    simulated_instance(
        world_settings const& world, std::string instance_id, std::string incarnation, std::uint64_t seed,
        std::chrono::milliseconds clock_off_by,
        std::function<void(simulated_instance&, core::commit_signals const&)> on_commit
    );
    ~simulated_instance();

    std::string const& instance_id() const { return instance_id_; }
    std::string const& incarnation() const { return incarnation_; }
    simulated_loop& loop() { return loop_; }
    core::node_router& nodes() { return nodes_; }
    core::event_relay& relay() { return relay_; }
    core::tape_feed& tapes() { return tapes_; }
    simulated_database& database() { return db_; }
    // It has registered and takes calls.
    bool is_ready() const { return ready_; }
    bool is_dead() const { return dead_; }

    // A call of a peer, as it comes from the dispatcher; the reply is given on this process's loop, or never.
    // A failure of the store is `unavailable`, as the dispatcher says it.
    void call(
        std::string method, boost::json::object params, std::optional<std::string> key,
        std::function<void(result<std::string>)> on_reply
    );
    // Work of a peer that stands on this process's loop; it ends when the process does.
    void run(core::task<> work) { peers_.spawn(std::move(work)); }
    core::cancellation& peers_stop() { return peers_stop_; }

    // A node knocks. The token was checked before.
    void admit(simulated_node& node, std::shared_ptr<node_wire> wire);
    // The store says something new of it: somebody else has it now, or this process was taken for dead.
    void look_at_device(std::shared_ptr<node_wire> wire);
    void on_wire_broken(std::shared_ptr<node_wire> const& wire);

    // What another process committed.
    void hear(core::commit_signals const& signals);

    // SIGKILL. Nothing of it reaches the store or a peer any more; what is left of it is put away.
    void kill();

  private:
    core::task<> start();
    core::task<> stop();
    core::task<> answer(
        app::method_row const& row, boost::json::object params, app::caller who,
        std::function<void(result<std::string>)> on_reply
    );
    core::task<> admit_later(simulated_node& node, std::shared_ptr<node_wire> wire);
    core::task<> look_at_device_later(std::shared_ptr<node_wire> wire);
    void on_signals(core::commit_signals const& signals);
    core::instance describe() const;
    core::watched_rows watched_rows() const;

    world_settings const& world_;
    std::string instance_id_;
    std::string incarnation_;
    simulated_loop loop_;
    simulated_clock own_clock_;
    core::store_clock clock_{own_clock_};
    drawn_random random_;
    core::id_source ids_{clock_, random_};
    core::run_settings runs_;
    simulated_database db_;
    scripted_model model_;
    scripted_catalog models_{model_};
    core::event_relay relay_{loop_, db_, clock_, ids_};
    core::tape_feed tapes_{loop_, db_};
    core::node_router nodes_;
    core::run_environment environment_;
    core::worker worker_{environment_};
    core::lease_keeper lease_;
    core::scheduler scheduler_{loop_, db_, nodes_, runs_, {}};
    core::change_poll changes_;
    app::gateway_facts facts_;
    app::contract_limits limits_;
    app::services services_;
    std::map<std::string, app::method_row> methods_;
    core::task_group background_;
    core::task_group peers_;
    core::task_group life_;
    core::cancellation peers_stop_;
    std::vector<std::shared_ptr<node_wire>> wires_;
    bool ready_ = false;
    bool dead_ = false;
};

} // namespace gatehouse::simulation
