#include "core/nodes/node_router.hpp"

#include "core/execution/fail_point.hpp"
#include "core/nodes/connect_node.hpp"
#include "core/nodes/step_outcome_of.hpp"
#include "core/storage/write_at_last.hpp"
#include "protocol/encoding.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>

#include <optional>
#include <type_traits>

namespace gatehouse::core {

namespace {

constexpr std::int64_t open_calls_max = 256;

// Evidence that was put as an artifact stays as it is: its bytes are named by their digest.
void clean(call_answer& answer, secret_filter const& secrets) {
    if (answer.result) secrets.clean(*answer.result);
    if (answer.error) secrets.clean(*answer.error);
    for (auto& piece : answer.evidence) {
        auto* data = piece.as_object().if_contains("data_base64");
        auto bytes = data && data->is_string() ? base64_decode(data->get_string()) : std::nullopt;
        if (bytes && secrets.clean(*bytes)) *data = base64_encode(*bytes);
    }
}

boost::json::object make_late_error() {
    return {{"kind", "deadline_exceeded"}, {"message", "The node did not answer in time."}};
}

} // namespace

node_router::node_router(loop& on, database& db, secret_filter const& secrets)
    : loop_(on), db_(db), secrets_(secrets), group_(on, [](std::exception_ptr failure) {
          try {
              std::rethrow_exception(failure);
          } catch (std::exception const& e) {
              spdlog::error("a call to a node could not be looked after: {}", e.what());
          }
      }) {}

void node_router::attach(std::string const& device_id, std::int64_t connection_epoch, node_link& link) {
    auto& place = links_[device_id];
    if (place.link && place.connection_epoch > connection_epoch) {
        link.close_replaced();
        return;
    }
    if (auto* older = std::exchange(place.link, &link)) older->close_replaced();
    place.connection_epoch = connection_epoch;
    group_.spawn(take_open_calls(device_id));
}

void node_router::detach(std::string const& device_id, std::int64_t connection_epoch) {
    auto found = links_.find(device_id);
    if (found != links_.end() && found->second.connection_epoch == connection_epoch) {
        links_.erase(found);
        // Its calls wait for the next connection now, here or elsewhere.
        std::erase_if(sent_, [&](auto const& each) {
            bool const is_lost = each.second.device_id == device_id;
            if (is_lost) loop_.stop_timer(each.second.timer);
            return is_lost;
        });
    }
    group_.spawn(disconnect(device_id, connection_epoch));
}

task<> node_router::disconnect(std::string device_id, std::int64_t connection_epoch) {
    auto unit = [device_id, connection_epoch](transaction& tx) {
        disconnect_node(tx, device_id, connection_epoch);
        return true;
    };
    co_await write_at_last(db_, loop_, "a node's going", is_over(), std::move(unit));
}

void node_router::watch(std::string const& device_id, node_link& link) {
    watchers_.emplace(device_id, &link);
}

void node_router::unwatch(std::string const& device_id, node_link& link) {
    std::erase_if(watchers_, [&](auto const& each) {
        return each.first == device_id && each.second == &link;
    });
}

void node_router::deliver(invocation const& call) {
    auto found = links_.find(call.device_id);
    bool const is_here = found != links_.end() && found->second.connection_epoch == call.connection_epoch;
    if (is_here) return send(found->second, call);
    if (call.state == "sent") group_.spawn(requeue(call.device_id, call.connection_epoch));
}

// The connection was lost while the call was written, so nobody else saw to it; or another process has it.
task<> node_router::requeue(std::string device_id, std::int64_t connection_epoch) {
    auto unit = [device_id, connection_epoch](transaction& tx) {
        auto const known = tx.nodes().lock(device_id);
        if (known && known->instance_id && known->connection_epoch == connection_epoch) return true;
        if (tx.invocations().requeue(device_id, connection_epoch) > 0)
            tx.signals().devices.push_back(device_id);
        return true;
    };
    co_await write_at_last(db_, loop_, "a call to a node", is_over(), std::move(unit));
}

void node_router::send(attached const& to, invocation const& call) {
    stop_timer(call.invocation_id);
    auto give_up = [this, id = call.invocation_id, device = call.device_id] {
        sent_.erase(id);
        if (auto link = links_.find(device); link != links_.end()) link->second.link->send_cancel(id);
        call_answer answer;
        answer.invocation_id = id;
        answer.state = "failed";
        answer.error = make_late_error();
        on_answer(std::move(answer));
    };
    auto const timer =
        loop_.start_timer(loop_.now() + std::chrono::milliseconds(call.timeout_ms), std::move(give_up));
    sent_[call.invocation_id] = {call.device_id, timer};
    GATEHOUSE_FAIL_POINT("node.before_invoke");
    to.link->send_invoke(call);
    GATEHOUSE_FAIL_POINT("node.invoked");
}

void node_router::stop_timer(std::string const& invocation_id) {
    if (auto call = sent_.extract(invocation_id)) loop_.stop_timer(call.mapped().timer);
}

void node_router::on_answer(call_answer answer) { group_.spawn(finish(std::move(answer))); }

// The answer is on its way to the store until it is there: a node that answered is not asked again for a
// store's trouble.
task<> node_router::finish(call_answer answer) {
    auto id = answer.invocation_id;
    finishing_.insert(id);
    GATEHOUSE_FAIL_POINT("node.answered");
    clean(answer, secrets_);
    auto unit = [answer = std::move(answer)](transaction& tx) { return finish_call(tx, answer); };
    auto written = co_await write_at_last(db_, loop_, "a call to a node", is_over(), std::move(unit));
    GATEHOUSE_FAIL_POINT("node.answer_stored");
    finishing_.erase(id);
    if (written && *written && (*written)->finished_at) {
        stop_timer(id);
        finish_waiters(**written);
    }
}

void node_router::finish_waiters(invocation const& row) {
    auto [first, last] = waiters_.equal_range(row.invocation_id);
    for (; first != last; ++first) {
        first->second->final_row = row;
        first->second->changed.notify();
    }
}

task<invocation> node_router::wait(invocation call, cancellation& stop) {
    if (call.finished_at) co_return call;
    auto mine = std::make_shared<waiter>(loop_);
    auto place = waiters_.emplace(call.invocation_id, mine);
    auto stopped = stop.on_request([mine] { mine->changed.notify(); });
    // What was committed between the caller's own read and now woke nobody, but for an answer that has yet to
    // come here.
    bool is_out = sent_.contains(call.invocation_id) || finishing_.contains(call.invocation_id);
    if (!is_out) group_.spawn(read_call(call.invocation_id));
    while (!mine->final_row && !waiting_ended_ && !stop.requested()) co_await mine->changed.wait();
    waiters_.erase(place);
    co_return mine->final_row ? *mine->final_row : call;
}

task<> node_router::read_call(std::string invocation_id) {
    auto unit = [invocation_id](snapshot& view) { return view.invocations().find(invocation_id); };
    std::optional<invocation> row;
    for (bool was_read = false; !was_read && !stopping_;) {
        try {
            row = co_await db_.read(unit);
            was_read = true;
        } catch (std::exception const& e) {
            spdlog::error("the call {} could not be read, trying again: {}", invocation_id, e.what());
        }
        if (!was_read) co_await pause_for_store(loop_);
    }
    if (!row || !row->finished_at) co_return;
    GATEHOUSE_FAIL_POINT("node.call_read");
    if (sent_.contains(invocation_id)) {
        // Somebody else ended it while the node works: it need not go on.
        stop_timer(invocation_id);
        if (auto link = links_.find(row->device_id); link != links_.end())
            link->second.link->send_cancel(invocation_id);
    }
    finish_waiters(*row);
}

void node_router::on_signals(commit_signals const& signals) {
    for (auto const& id : signals.invocations) {
        if (finishing_.contains(id)) continue;
        if (waiters_.contains(id) || sent_.contains(id)) group_.spawn(read_call(id));
    }
    for (auto const& device_id : signals.devices) {
        auto [first, last] = watchers_.equal_range(device_id);
        std::vector<node_link*> told;
        for (; first != last; ++first) told.push_back(first->second);
        for (auto* link : told) link->on_device_changed();
        if (links_.contains(device_id)) group_.spawn(take_open_calls(device_id));
    }
}

void node_router::add_watched(watched_rows& to) const {
    for (auto const& [device_id, place] : links_) to.devices.push_back(device_id);
    for (auto const& [device_id, link] : watchers_)
        if (!links_.contains(device_id)) to.waiting.push_back(device_id);
    for (auto const& [id, waiter] : waiters_) to.invocations.push_back(id);
    for (auto const& [id, call] : sent_)
        if (!waiters_.contains(id)) to.invocations.push_back(id);
}

// Calls that were queued for this device, and those that went to an older connection: they go out (again)
// under the same key on this one, whose answer then counts. Calls that were cancelled are taken back.
task<> node_router::take_open_calls(std::string device_id) {
    auto found = links_.find(device_id);
    if (found == links_.end()) co_return;
    auto epoch = found->second.connection_epoch;
    auto unit = [device_id, epoch](transaction& tx) {
        std::vector<invocation> taken;
        for (auto& call : tx.invocations().lock_open_of_device(device_id, open_calls_max)) {
            if (call.state == "sent" && call.connection_epoch >= epoch) continue;
            call.state = "sent";
            call.connection_epoch = epoch;
            // It goes out in the name of who owns the run now: a node refuses an older number.
            auto run = call.run_id ? tx.runs().find(*call.run_id) : std::nullopt;
            if (run) call.lease_epoch = run->lease_epoch;
            tx.invocations().save(call);
            taken.push_back(std::move(call));
        }
        return taken;
    };
    auto taken = co_await write_at_last(db_, loop_, "a call to a node", is_over(), std::move(unit));
    GATEHOUSE_FAIL_POINT("node.calls_taken");
    found = links_.find(device_id);
    if (!taken) co_return;
    bool const is_here = found != links_.end() && found->second.connection_epoch == epoch;
    if (!is_here && !taken->empty()) co_return co_await requeue(device_id, epoch);
    for (auto const& call : *taken) send(found->second, call);
}

task<> node_router::expire_calls() {
    auto unit = [](transaction& tx) {
        std::vector<invocation> expired;
        for (auto& call : tx.invocations().lock_expired(open_calls_max)) {
            call_answer answer;
            answer.invocation_id = call.invocation_id;
            // A node that has seen it may have begun it.
            answer.state = call.connection_epoch == 0 ? "expired" : "failed";
            if (call.state == "sent") {
                // Sent by a process that is gone, or to a node that did not come back.
                answer.error = make_late_error();
            } else {
                auto const* why = call.connection_epoch == 0
                                      ? "The node was not connected in time."
                                      : "The node's connection was lost, and it did not come back in time.";
                answer.error = {{"kind", "unavailable"}, {"message", why}};
            }
            if (auto row = finish_call(tx, answer)) expired.push_back(std::move(*row));
        }
        return expired;
    };
    for (auto const& row : co_await db_.write(std::move(unit))) finish_waiters(row);
}

task<step_outcome> node_router::carry_out(started_step const& begun, cancellation& stop) {
    if (!begun.call->finished_at) deliver(*begun.call);
    auto row = co_await wait(*begun.call, stop);
    co_return step_outcome_of(begun.value.ordinal, row);
}

void node_router::stop_waiting() {
    waiting_ended_ = true;
    for (auto const& [id, each] : waiters_) each->changed.notify();
}

task<> node_router::stop() {
    stopping_ = true;
    for (auto const& [id, each] : sent_) loop_.stop_timer(each.timer);
    sent_.clear();
    co_await group_.wait();
}

} // namespace gatehouse::core
