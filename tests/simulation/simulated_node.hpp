#pragma once
// A node outside of the gateway: it has effects, keeps its answers by key, and refuses a smaller epoch than
// it has seen for a run. What it did stands in its ledger, which nobody in the gateway can see.
#include "core/nodes/node_router.hpp"
#include "tests/simulation/simulated_loop.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::simulation {

class simulated_instance;
class simulated_node;

struct node_habits {
    std::chrono::nanoseconds works_max{80'000'000};
    unsigned fails = 0;         // in thousandths: a failure that it knows of, without an effect
    unsigned answer_breaks = 0; // the connection ends with an effect whose answer has not gone out
    std::chrono::nanoseconds wire_max{3'000'000}; // a message on its way, in either direction
};

struct effect {
    std::string key;
    std::string run_id;
    std::string operation;
    std::string arguments;
    std::int64_t epoch = 0;
    bool answer_was_lost = false; // the node died before it could keep the answer
};

// One connection between a node and an instance. Messages on their way are lost with it.
class node_wire final : public core::node_link, public std::enable_shared_from_this<node_wire> {
  public:
    node_wire(simulated_node& node, simulated_instance& at) : node_(node), at_(&at) {}

    void send_invoke(core::invocation const& call) override;
    void send_cancel(std::string const& invocation_id) override;
    void close_replaced() override { break_off(); }
    void on_device_changed() override;

    // From the node's side.
    void send_answer(core::call_answer answer);
    // Both sides learn of it later.
    void break_off();
    bool is_broken() const { return broken_; }
    std::string const& device_id() const;
    simulated_instance* at() const { return at_; }

    std::int64_t connection_epoch = 0; // as the instance admitted it

  private:
    simulated_node& node_;
    simulated_instance* at_;
    bool broken_ = false;
};

class simulated_node {
  public:
    simulated_node(schedule& in, simulated_loop& outside, std::string device_id, node_habits const& habits);

    std::string const& device_id() const { return device_id_; }
    // What it advertises, and the tools that follow from it: one that reads, one that writes.
    std::string capabilities() const;
    std::vector<std::string> tools() const;

    // The instances to connect to, when the wire breaks; the first that is there is taken.
    std::function<simulated_instance*()> choose_instance;
    void connect_soon();

    void on_invoke(std::shared_ptr<node_wire> const& from, core::invocation const& call);
    void on_cancel(std::string const& invocation_id);
    void on_broken(node_wire const& which);

    // It dies and starts again: what it was doing has had its effect or not, and only the journal is left.
    void crash();

    std::vector<effect> const& ledger() const { return ledger_; }
    std::shared_ptr<node_wire> const& wire() const { return wire_; }
    schedule& world() { return schedule_; }
    simulated_loop& outside() { return outside_; }
    node_habits const& habits() const { return habits_; }

  private:
    struct journal_entry {
        core::invocation call; // with the id it was asked for last
        std::weak_ptr<node_wire> from;
        bool is_running = false;
        bool had_effect = false;
        std::optional<core::call_answer> answer;
    };

    void begin(journal_entry& entry);
    void have_effect(journal_entry& entry);
    void finish(std::string const& key, std::uint64_t life);
    void answer(journal_entry const& entry, core::call_answer what);
    static core::call_answer failure(std::string kind, bool outcome_is_unknown);

    schedule& schedule_;
    simulated_loop& outside_;
    std::string device_id_;
    node_habits const& habits_;
    std::map<std::string, journal_entry> journal_;      // by key
    std::map<std::string, std::int64_t> newest_epochs_; // by run
    std::vector<effect> ledger_;
    std::shared_ptr<node_wire> wire_;
    std::uint64_t life_ = 1;
    bool connecting_ = false;
};

} // namespace gatehouse::simulation
