#include "core/runs/run_editor.hpp"

#include "core/events/make_event.hpp"
#include "core/runs/tape.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace gatehouse::core {

namespace json = boost::json;

void run_editor::append(std::string_view kind, json::object payload) {
    items_.push_back(make_tape_item(
        run_.tape_seq, run_.tape_hash, std::string(kind), tx_.now(), json::value(std::move(payload))
    ));
    run_.tape_seq = items_.back().seq;
    run_.tape_hash = items_.back().hash;
}

void run_editor::say(std::string role, std::string text, json::object extra) {
    if (is_background(run_)) return;
    message m;
    m.session_id = run_.session_id;
    m.run_id = run_.run_id;
    m.role = std::move(role);
    m.text = std::move(text);
    m.extra = json::serialize(extra);
    m.created_at = tx_.now();
    said_.push_back(std::move(m));
}

std::vector<message> run_editor::conversation(std::int64_t messages_max) const {
    std::vector<message> all;
    auto const said = static_cast<std::int64_t>(said_.size());
    if (!session_is_new_ && said < messages_max)
        all = tx_.sessions().latest_messages(run_.session_id, messages_max - said);
    all.insert(all.end(), said_.begin(), said_.end());
    // A run that has said more than that must not forget what it is for.
    if (std::ranges::none_of(all, [](auto const& m) { return m.role == "user"; })) {
        auto own = tx_.sessions().messages_of_run(run_);
        if (!own.empty()) all.insert(all.begin(), std::move(own.front()));
    }
    return all;
}

void run_editor::move(run_event on, std::string_view reason) {
    auto from = run_.state;
    auto to = next_state(from, on);
    assert(to && "a caller checks the state before it moves a run");
    run_.state = *to;
    if (*to == run_state::running && !run_.started_at) run_.started_at = tx_.now();
    if (is_terminal(*to)) {
        run_.finished_at = tx_.now();
        run_.claimable_at.reset();
        run_.lease_owner.reset();
        run_.waiting_on.reset();
    }
    json::object payload{{"from", to_string(from)}, {"to", to_string(*to)}};
    if (!reason.empty()) payload["reason"] = reason;
    append("status_change", std::move(payload));
    publish_state(from, *to);
}

void run_editor::announce_new() {
    run_.tape_hash = tape_genesis_hash;
    append("status_change", {{"from", nullptr}, {"to", to_string(run_.state)}});
    publish_state(std::nullopt, run_.state);
}

void run_editor::announce_fork(std::string const& of_run_id, std::int64_t at_seq) {
    append("note", {{"forked_from", {{"run_id", of_run_id}, {"at_seq", at_seq}}}});
    publish_state(std::nullopt, run_.state);
}

void run_editor::append_lease(std::string_view reason) {
    append("lease", {{"owner", *run_.lease_owner}, {"epoch", run_.lease_epoch}, {"reason", reason}});
}

std::vector<inbox_message> run_editor::take_inbox() {
    if (std::exchange(inbox_taken_, true) || !around().has_inbox) return {};
    return tx_.runs().take_inbox(run_.run_id);
}

run_store::surroundings const& run_editor::around() {
    if (!around_) around_ = tx_.runs().around(run_);
    return *around_;
}

std::vector<step> run_editor::steps_of_turn() const {
    if (run_.steps == 0) return {};
    return tx_.runs().steps_of_turn(run_.run_id, run_.turn);
}

std::vector<approval> run_editor::open_questions() const {
    if (run_.steps == 0) return {};
    return tx_.approvals().pending_of_run(run_.run_id);
}

void run_editor::save() {
    auto const next = is_terminal(run_.state) ? around().next_run_id : std::nullopt;
    tx_.runs().save(run_);
    write_what_was_said();
    // Only now: at no moment may two runs of a session be at work or claimable.
    if (next) promote(*next);
}

void run_editor::insert() {
    tx_.runs().insert(run_);
    write_what_was_said();
}

// Makes the run that now stands first in the session claimable. Where a blocked run ended, that is one which
// has its turn already.
void run_editor::promote(std::string const& run_id) {
    auto next = tx_.runs().lock(run_id);
    bool is_blocked = next && next->state == run_state::accepted && !next->claimable_at && !next->lease_owner;
    if (!is_blocked) return;
    next->claimable_at = tx_.now();
    tx_.runs().save(*next);
    tx_.signals().queue = true;
}

void run_editor::write_what_was_said() {
    for (auto& each : said_) tx_.sessions().append_message(std::move(each));
    said_.clear();
    if (run_.claimable_at) tx_.signals().queue = true;
    if (items_.empty()) return;
    tx_.runs().append_tape(run_.run_id, items_);
    tx_.signals().tapes.push_back(run_.run_id);
}

// Work in the background is no event; what comes of it is.
void run_editor::publish_state(std::optional<run_state> from, run_state to) {
    if (is_background(run_)) return;
    json::object payload{{"run_id", run_.run_id}, {"session_id", run_.session_id}, {"to", to_string(to)}};
    payload["from"] = from ? json::value(to_string(*from)) : json::value(nullptr);
    tx_.publish(make_run_event(tx_, run_, "run.state_changed", payload));
}

} // namespace gatehouse::core
