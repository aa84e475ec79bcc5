#include "tests/simulation/simulated_node.hpp"

#include "tests/simulation/simulated_instance.hpp"

#include <boost/json/object.hpp>

namespace gatehouse::simulation {

using namespace std::chrono_literals;

namespace {

std::chrono::nanoseconds draw_latency(simulated_node& node) {
    return node.world().luck().between(10us, node.habits().wire_max);
}

} // namespace

std::string const& node_wire::device_id() const { return node_.device_id(); }

void node_wire::send_invoke(core::invocation const& call) {
    if (broken_) return;
    node_.world().note(node_.device_id(), "is called:", call.idempotency_key, *call.lease_epoch);
    node_.outside().after(draw_latency(node_), [self = shared_from_this(), call] {
        if (!self->broken_) self->node_.on_invoke(self, call);
    });
}

void node_wire::send_cancel(std::string const& invocation_id) {
    if (broken_) return;
    node_.outside().after(draw_latency(node_), [self = shared_from_this(), invocation_id] {
        if (!self->broken_) self->node_.on_cancel(invocation_id);
    });
}

void node_wire::on_device_changed() {
    if (!broken_) at_->look_at_device(shared_from_this());
}

void node_wire::send_answer(core::call_answer answer) {
    if (broken_ || !at_) return;
    answer.connection_epoch = connection_epoch;
    at_->loop().after(draw_latency(node_), [self = shared_from_this(), answer = std::move(answer)] {
        if (!self->broken_) self->at_->nodes().on_answer(answer);
    });
}

void node_wire::break_off() {
    if (std::exchange(broken_, true)) return;
    node_.world().note(node_.device_id(), "loses its connection", connection_epoch);
    at_->loop().after(draw_latency(node_), [self = shared_from_this(), at = at_] {
        at->on_wire_broken(self);
    });
    node_.outside().after(draw_latency(node_), [self = shared_from_this()] { self->node_.on_broken(*self); });
}

simulated_node::simulated_node(
    schedule& in, simulated_loop& outside, std::string device_id, node_habits const& habits
)
    : schedule_(in), outside_(outside), device_id_(std::move(device_id)), habits_(habits) {}

std::string simulated_node::capabilities() const {
    return R"([{"id":")" + device_id_ +
           R"(","version":"1.0.0","operations":[{"name":"read","risk":"read","input_schema":{}},)"
           R"({"name":"write","risk":"write","input_schema":{}}]}])";
}

std::vector<std::string> simulated_node::tools() const {
    return {"node__" + device_id_ + "__read", "node__" + device_id_ + "__write"};
}

void simulated_node::connect_soon() {
    if (std::exchange(connecting_, true)) return;
    outside_.after(schedule_.luck().between(1ms, 60ms), [this] {
        connecting_ = false;
        if (wire_ && !wire_->is_broken()) return;
        auto* to = choose_instance();
        if (!to) return connect_soon();
        wire_ = std::make_shared<node_wire>(*this, *to);
        to->admit(*this, wire_);
    });
}

void simulated_node::on_broken(node_wire const& which) {
    if (wire_.get() == &which) connect_soon();
}

core::call_answer simulated_node::failure(std::string kind, bool outcome_is_unknown) {
    core::call_answer a;
    a.state = "failed";
    boost::json::object error{{"kind", std::move(kind)}, {"message", "It did not work."}};
    if (outcome_is_unknown) error["details"] = {{"outcome", "unknown"}};
    a.error = std::move(error);
    return a;
}

void simulated_node::answer(journal_entry const& entry, core::call_answer what) {
    what.invocation_id = entry.call.invocation_id;
    if (auto to = entry.from.lock()) to->send_answer(std::move(what));
}

void simulated_node::on_invoke(std::shared_ptr<node_wire> const& from, core::invocation const& call) {
    auto& newest = newest_epochs_[*call.run_id];
    if (*call.lease_epoch < newest) {
        schedule_.note(device_id_, "refuses epoch", *call.lease_epoch, call.idempotency_key);
        auto refusal = failure("wrong_state", false);
        refusal.invocation_id = call.invocation_id;
        return from->send_answer(std::move(refusal));
    }
    newest = *call.lease_epoch;
    auto [at, is_new] = journal_.try_emplace(call.idempotency_key);
    auto& entry = at->second;
    entry.call = call;
    entry.from = from;
    if (entry.answer) return answer(entry, *entry.answer);
    if (entry.is_running) return;
    if (!is_new && call.operation != "read") return answer(entry, failure("capability_failed", true));
    begin(entry);
}

void simulated_node::begin(journal_entry& entry) {
    entry.is_running = true;
    auto const effect_after = schedule_.luck().between({}, habits_.works_max);
    auto const key = entry.call.idempotency_key;
    outside_.after(effect_after, [this, key, life = life_] {
        if (life == life_ && journal_[key].is_running) have_effect(journal_[key]);
    });
    outside_.after(effect_after + schedule_.luck().between(1us, 10ms), [this, key, life = life_] {
        finish(key, life);
    });
}

void simulated_node::have_effect(journal_entry& entry) {
    auto const& call = entry.call;
    if (schedule_.luck().per_mille(habits_.fails)) {
        entry.answer = failure("capability_failed", false);
        return;
    }
    entry.had_effect = true;
    ledger_.push_back(
        {call.idempotency_key, *call.run_id, call.operation, call.arguments, *call.lease_epoch, false}
    );
    schedule_.note(device_id_, "has an effect:", call.idempotency_key, *call.lease_epoch);
    if (schedule_.luck().per_mille(habits_.answer_breaks) && wire_) wire_->break_off();
}

void simulated_node::finish(std::string const& key, std::uint64_t life) {
    auto& entry = journal_[key];
    if (life != life_ || !entry.is_running) return;
    entry.is_running = false;
    if (!entry.answer) {
        core::call_answer done;
        done.result = boost::json::object{{"effect", ledger_.size()}};
        entry.answer = std::move(done);
    }
    answer(entry, *entry.answer);
}

// What has not begun its effect need not begin it.
void simulated_node::on_cancel(std::string const& invocation_id) {
    for (auto& [key, entry] : journal_) {
        if (entry.call.invocation_id != invocation_id || !entry.is_running || entry.had_effect) continue;
        entry.is_running = false;
        entry.answer = failure("cancelled", false);
        answer(entry, *entry.answer);
    }
}

void simulated_node::crash() {
    schedule_.note(device_id_, "crashes");
    ++life_;
    for (auto& [key, entry] : journal_) {
        if (!std::exchange(entry.is_running, false) || !entry.had_effect) continue;
        for (auto& each : ledger_)
            if (each.key == key) each.answer_was_lost = true;
    }
    if (wire_) wire_->break_off();
}

} // namespace gatehouse::simulation
