#include "tests/isolation/stage.hpp"

#include "core/approvals/resolve_approval.hpp"
#include "core/instances/lease_keeper.hpp"
#include "core/runs/claim_runs.hpp"
#include "core/runs/run_machine.hpp"
#include "core/runs/verify_run.hpp"
#include "core/sessions/resolve_session.hpp"
#include "protocol/parse_json.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace gatehouse::isolation {

namespace {

constexpr int rounds_max = 40;
core::actor const ada{"user:ada", false};

core::node make_node() {
    core::node n;
    n.device_id = n.label = "box";
    n.trust = "remote";
    n.allow = {"*"};
    n.capabilities =
        R"([{"id":"fs","version":"1.0.0","operations":[{"name":"read","risk":"read","input_schema":{}},)"
        R"({"name":"write","risk":"write","input_schema":{}}]}])";
    return n;
}

} // namespace

char const* to_string(run_stands where) {
    switch (where) {
    case run_stands::queued:
        return "queued";
    case run_stands::asking:
        return "asking";
    case run_stands::calling:
        return "calling";
    case run_stands::waiting:
        return "waiting";
    }
    return "";
}

core::run_progress answered(std::string text, std::vector<core::tool_request> calls) {
    core::run_progress progress;
    progress.turn = core::model_response{std::move(text), std::move(calls), {1, 2}, "stop"};
    return progress;
}

core::run_progress done(std::int64_t ordinal) {
    core::run_progress progress;
    core::step_outcome outcome;
    outcome.ordinal = ordinal;
    outcome.ok = true;
    outcome.output = "done";
    progress.steps.push_back(std::move(outcome));
    return progress;
}

director::director(persistence::dialect const& of, core::clock const& time, core::id_source& ids)
    : time_(time),
      ids_(ids),
      session_(of),
      protocol_(persistence::commit_protocol::make(session_.statements())) {
    statements().script("SET synchronous_commit = off");
    write([](core::transaction& tx) { return tx.nodes().put(make_node()), true; });
}

stage::stage(director& by, run_stands where) : director_(by), where_(where) {
    owner = settings.instance_id = by.unique("ins_");
    log_began_ = by.read([](core::snapshot const& view) { return view.events().head(); });
    epochs_began_ = by.read([](core::snapshot const& view) { return view.events().epochs(); }).size();
    by.write([this](core::transaction& tx) {
        core::instance self;
        self.instance_id = self.incarnation = owner;
        self.lease_ms = 60'000;
        tx.instances().insert(self);
        core::session_request wanted;
        wanted.principal = ada.principal;
        session_id = core::resolve_session(tx, wanted)->value.session_id;
        return true;
    });
    accept();
    if (where == run_stands::calling || where == run_stands::waiting) work();
}

void stage::accept() {
    core::run_request request;
    request.principal = ada.principal;
    request.session_id = session_id;
    request.input = {{"text", "first"}};
    if (where_ != run_stands::queued) request.claim_for = owner;
    auto first =
        director_.write([&](core::transaction& tx) { return *core::start_run(tx, request, settings); });
    run_id = first.value.run_id;
    lease = {run_id, session_id, first.value.lease_epoch};
    request.input = {{"text", "second"}};
    request.claim_for.reset();
    next_run_id =
        director_.write([&](core::transaction& tx) { return *core::start_run(tx, request, settings); }
        ).value.run_id;
}

void stage::work() {
    std::vector<core::tool_request> calls{{"c1", "node__fs__write", {}}};
    if (where_ == run_stands::calling) calls.push_back({"c2", "node__fs__read", {}});
    director_.write([&](core::transaction& tx) {
        return core::advance_run(tx, lease, answered("", calls), settings);
    });
    approval_id = director_.read([this](core::snapshot const& view) {
        return view.approvals().pending_of_run(run_id).at(0).approval_id;
    });
}

void stage::forget_history() {
    director_.statements().script("UPDATE log_epochs SET timeline = timeline - 1");
}

std::vector<core::run> stage::runs() {
    auto found = director_.read([this](core::snapshot const& view) {
        core::run_filter mine;
        mine.session_id = session_id;
        return view.runs().list(mine);
    });
    std::ranges::sort(found, {}, &core::run::ordinal);
    return found;
}

// One healthy process that does everything; the one before it is dead.
void stage::drain() {
    auto const me = director_.unique("ins_");
    director_.write([this](core::transaction& tx) {
        for (auto const* name : {"", "_0", "_1"}) core::declare_dead(tx, owner + name, "drained");
        return true;
    });
    for (int round = 0; round < rounds_max; ++round) {
        auto const left = runs();
        if (std::ranges::all_of(left, [](auto const& r) { return core::is_terminal(r.state); })) return;
        for (auto const& r : left) {
            director_.write([&](core::transaction& tx) {
                for (auto const& open : tx.approvals().pending_of_run(r.run_id)) {
                    core::approval_verdict verdict;
                    verdict.approval_id = open.approval_id;
                    verdict.decision = open.kind == "call" ? "deny" : "skip";
                    (void)core::resolve_approval(tx, verdict, ada);
                }
                return true;
            });
        }
        settings.instance_id = me;
        auto claimed = director_.write([&](core::transaction& tx) { return core::claim_runs(tx, me, 16); });
        for (auto const& each : claimed) end(each.lease);
    }
}

void stage::end(core::run_lease held) {
    core::run_progress progress;
    for (int round = 0; round < rounds_max; ++round) {
        auto const action = director_.write([&](core::transaction& tx) {
            return core::advance_run(tx, held, progress, settings);
        });
        if (action.what == core::run_action::kind::turn) {
            progress = answered("that is all");
        } else if (action.what == core::run_action::kind::work) {
            progress = {};
            for (auto const& begun : action.started)
                progress.steps.push_back(done(begun.value.ordinal).steps[0]);
        } else {
            return;
        }
    }
}

std::vector<std::string> stage::violations(told const& said) {
    std::vector<std::string> found;
    check_queue(found);
    drain();
    for (auto const& r : runs()) check_run(r, said, found);
    check_answers(said, found);
    check_sessions(said, found);
    check_log(found);
    check_epochs(said, found);
    return found;
}

// Before anybody goes on: at most one run of the session is active, it is the first, and it can go on.
void stage::check_queue(std::vector<std::string>& found) {
    bool const has_owner = director_.read([this](core::snapshot const& view) {
        return std::ranges::count(view.instances().list(), owner, &core::instance::instance_id) > 0;
    });
    bool is_head = true;
    for (auto const& r : runs()) {
        if (core::is_terminal(r.state)) continue;
        bool const is_active = r.state != core::run_state::accepted || r.claimable_at || r.lease_owner;
        if (is_head && !is_active) found.push_back("I2 the head of the session can never be claimed");
        if (!is_head && is_active) found.push_back("I7 two runs of the session are active");
        bool const is_owned = r.lease_owner && (*r.lease_owner != owner || has_owner);
        bool const is_lost = r.state == core::run_state::running && !r.claimable_at && !is_owned;
        if (is_lost) found.push_back("I2 a running run belongs to nobody");
        is_head = false;
    }
}

void stage::check_run(core::run const& r, told const& said, std::vector<std::string>& found) {
    if (!core::is_terminal(r.state)) found.push_back("I2 a run never came to its end");
    auto const verdict =
        director_.read([&](core::snapshot const& view) { return core::verify_run(view, r.run_id, ada); });
    if (!verdict || verdict->first_bad_seq) found.push_back("I6 the tape of a run is broken");
    std::map<std::string, int> outcomes;
    std::map<std::string, int> inputs;
    std::string state;
    for (auto const& item :
         director_.read([&](core::snapshot const& view) { return view.runs().tape(r.run_id, 0, 1'000); })) {
        auto const payload = parse_own_json(item.payload).as_object();
        if (item.kind == "tool_output" || item.kind == "provider_response")
            ++outcomes[std::string(payload.at("step_id").as_string())];
        if (item.kind == "input") ++inputs[std::string(payload.at("text").as_string())];
        if (item.kind == "status_change") state = payload.at("to").as_string();
    }
    if (state != to_string(r.state)) found.push_back("I15 tape and row of a run differ");
    for (auto const& [step, times] : outcomes)
        if (times != 1) found.push_back("I3 " + step + " has two outcomes");
    if (r.run_id != run_id) return;
    for (auto const& text : said.inputs)
        if (inputs[text] != 1) found.push_back("I1 an input that was taken in is not on the tape");
    if (said.cancelled && !said.finished && r.state != core::run_state::cancelled)
        found.push_back("I1 a cancellation was lost");
    if (said.finished && r.state != core::run_state::succeeded && !said.cancelled && said.inputs.empty())
        found.push_back("I3 the end of a run was overwritten");
}

// The log's order is the order of commits, so each change of state follows from the one before it.
void stage::check_log(std::vector<std::string>& found) {
    auto const page =
        director_.read([this](core::snapshot const& view) { return view.events().read(log_began_, 1'000); });
    std::map<std::string, std::string> states;
    std::int64_t last = 0;
    for (auto const& e : page.events) {
        if (e.seq <= last) found.push_back("I8 the log is not in order");
        last = e.seq;
        if (e.value.type != "run.state_changed") continue;
        auto const payload = parse_own_json(e.value.payload).as_object();
        std::string const id(payload.at("run_id").as_string());
        auto const from = payload.at("from").is_null() ? "" : std::string(payload.at("from").as_string());
        if (from != states[id]) found.push_back("I8 the events of a run are not in its order");
        states[id] = payload.at("to").as_string();
    }
}

// A history has one epoch, however many find it, and that begins between two transactions.
void stage::check_epochs(told const& said, std::vector<std::string>& found) {
    auto const epochs = director_.read([](core::snapshot const& view) { return view.events().epochs(); });
    if (epochs.size() != epochs_began_ + (said.new_history ? 1 : 0))
        found.push_back("I8 a history of the server has no epoch, or more than one");
    auto const cut = director_.read([&](core::snapshot const&) {
        return *director_.statements().row<std::int64_t>(
            "SELECT count(*) FROM outbox a JOIN outbox b ON a.xmin = b.xmin AND a.seq = b.seq - 1 "
            "WHERE b.seq = :first_seq",
            epochs.back().first_seq
        );
    });
    if (cut > 0) found.push_back("I8 an epoch begins among the events of one transaction");
}

void stage::check_answers(told const& said, std::vector<std::string>& found) {
    auto const all = runs();
    auto is_there = [&](std::string const& id) {
        return std::ranges::any_of(all, [&](auto const& r) { return r.run_id == id; });
    };
    if (all.size() != 2 + said.started.size())
        found.push_back("I9 there are more or fewer runs than were accepted");
    for (auto const& id : said.started)
        if (!is_there(id)) found.push_back("I1 an accepted run is gone");
    for (auto const& reply : said.replies)
        if (reply != said.replies.front()) found.push_back("I9 one key got two replies");
    if (said.fired.size() > 1) found.push_back("I11 a slot fired twice");
    if (said.leases.size() == 2 && said.leases[0].epoch == said.leases[1].epoch &&
        said.leases[0].run_id == said.leases[1].run_id)
        found.push_back("I5 two claims got the same lease");
    if (approval_id.empty()) return;
    auto const a =
        director_.read([this](core::snapshot const& view) { return *view.approvals().find(approval_id); });
    for (auto const& decision : said.decisions)
        if (a.decision != decision) found.push_back("I10 a decision was overwritten");
}

void stage::check_sessions(told const& said, std::vector<std::string>& found) {
    if (said.sessions.size() < 2) return;
    if (said.sessions[0] != said.sessions[1]) found.push_back("I9 one session key got two sessions");
    auto const made =
        director_.read([&](core::snapshot const& view) { return *view.sessions().find(said.sessions[0]); });
    if (made.mode != core::session_mode::interrupt) found.push_back("I1 the mode of a session was lost");
}

} // namespace gatehouse::isolation
