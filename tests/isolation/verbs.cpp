#include "tests/isolation/verbs.hpp"

#include "core/approvals/resolve_approval.hpp"
#include "core/instances/lease_keeper.hpp"
#include "core/runs/change_run.hpp"
#include "core/runs/claim_runs.hpp"
#include "core/sessions/resolve_session.hpp"
#include "core/triggers/fire_trigger.hpp"
#include "persistence/server_history.hpp"

#include <algorithm>

namespace gatehouse::isolation {

namespace {

core::actor const ada{"user:ada", false};
std::vector<run_stands> const anywhere(std::begin(all_stands), std::end(all_stands));
std::vector<run_stands> const with_approval{run_stands::calling, run_stands::waiting};

// Accepts a run once per key, as run.start does.
meeting_unit start(stage& on, std::string key) {
    auto run_id = std::make_shared<std::string>();
    auto is_new = std::make_shared<bool>();
    core::run_request request;
    request.principal = ada.principal;
    request.session_id = on.session_id;
    request.input = {{"text", key}};
    auto work = [=, settings = on.settings](core::transaction& tx) {
        core::idempotency_key const once{ada.principal, "run.start", key};
        auto stored = tx.idempotency().insert_or_find(once, key, tx.now());
        *is_new = !stored;
        *run_id = stored ? stored->reply : core::start_run(tx, request, settings)->value.run_id;
        if (!stored) tx.idempotency().set_reply(once, *run_id);
        return true;
    };
    auto tell = [=](told& said) {
        if (*is_new) said.started.push_back(*run_id);
        said.replies.push_back(*run_id);
    };
    return {work, tell};
}

meeting_unit start_another(stage& on, int side) {
    auto made = start(on, on.run_id + " and " + std::to_string(side));
    auto tell = [was = std::move(made.tell)](told& said) {
        was(said);
        said.replies.clear(); // of another key than the other side's
    };
    return {std::move(made.work), tell};
}

meeting_unit repeat(stage& on, int) { return start(on, "again " + on.run_id); }

// Whoever claims dies at once; drain() takes over.
meeting_unit claim(stage& on, int side) {
    auto leases = std::make_shared<std::vector<core::run_lease>>();
    auto work = [=, me = on.owner + "_" + std::to_string(side)](core::transaction& tx) {
        leases->clear();
        for (auto const& each : core::claim_runs(tx, me, 16)) leases->push_back(each.lease);
        return true;
    };
    return {work, [=](told& said) {
                for (auto const& each : *leases) said.leases.push_back(each);
            }};
}

meeting_unit heartbeat(stage& on, int) {
    auto work = [id = on.owner](core::transaction& tx) { return tx.instances().heartbeat(id), true; };
    return {work};
}

meeting_unit declare_owner_dead(stage& on, int) {
    auto work = [id = on.owner](core::transaction& tx) {
        core::declare_dead(tx, id, "its lease lapsed");
        return true;
    };
    return {work};
}

// By another process, which dies at once; drain() takes over from it.
meeting_unit take_over(stage& on, int side) {
    auto work = [id = on.owner, me = on.owner + "_" + std::to_string(side)](core::transaction& tx) {
        core::declare_dead(tx, id, "its lease lapsed");
        core::claim_runs(tx, me, 16);
        return true;
    };
    return {work};
}

meeting_unit advance(stage& on, core::run_progress progress) {
    auto ended = std::make_shared<bool>();
    auto work = [=, lease = on.lease, settings = on.settings](core::transaction& tx) {
        auto const action = core::advance_run(tx, lease, progress, settings);
        *ended =
            action.what == core::run_action::kind::finished && action.state == core::run_state::succeeded;
        return true;
    };
    return {work, [=](told& said) { said.finished = said.finished || *ended; }};
}

meeting_unit append(stage& on, int) {
    if (!on.approval_id.empty()) return advance(on, done(2));
    return advance(on, answered("", {{"c1", "node__fs__read", {}}, {"c2", "node__fs__write", {}}}));
}

meeting_unit finish(stage& on, int) { return advance(on, answered("that is all")); }

meeting_unit cancel(stage& on, int) {
    auto ok = std::make_shared<bool>();
    auto work = [=, id = on.run_id](core::transaction& tx) {
        return *ok = core::cancel_run(tx, id, ada, "enough").has_value();
    };
    return {work, [=](told& said) { said.cancelled = said.cancelled || *ok; }};
}

meeting_unit input(stage& on, int side) {
    auto ok = std::make_shared<bool>();
    auto const text = "more from " + std::to_string(side);
    auto work = [=, id = on.run_id](core::transaction& tx) {
        return *ok = core::give_input(tx, id, ada, {text, {}}).has_value();
    };
    return {work, [=](told& said) {
                if (*ok) said.inputs.push_back(text);
            }};
}

// Both sides fire the same slot of a trigger of the session.
meeting_unit fire(stage& on, int) {
    auto fired = std::make_shared<std::optional<core::trigger_firing>>();
    core::trigger t;
    t.trigger_id = "trg_of_" + on.run_id;
    t.principal = ada.principal;
    t.session_key = on.session_id;
    t.input = R"({"text":"tick"})";
    auto work = [=, settings = on.settings](core::transaction& tx) {
        *fired = core::fire_slot(tx, t, {"slot", tx.now(), {}}, settings);
        return true;
    };
    return {work, [=](told& said) {
                if (!*fired) return;
                said.started.push_back((*fired)->run_id.value_or("none"));
                said.fired.push_back(said.started.back());
            }};
}

// One side lets it, the other one does not.
meeting_unit resolve(stage& on, int side) {
    auto ok = std::make_shared<bool>();
    core::approval_verdict verdict;
    verdict.approval_id = on.approval_id;
    verdict.decision = side == 0 ? "approve" : "deny";
    auto work = [=](core::transaction& tx) {
        return *ok = core::resolve_approval(tx, verdict, ada).has_value();
    };
    return {work, [=](told& said) {
                if (*ok) said.decisions.push_back(verdict.decision);
            }};
}

// Both ask for one session, which is not there yet, and one of them for its mode.
meeting_unit begin_session(stage& on, int side) {
    core::session_request wanted;
    wanted.principal = ada.principal;
    wanted.session_key = "beside " + on.session_id;
    if (side == 1) wanted.mode = core::session_mode::interrupt;
    auto session_id = std::make_shared<std::string>();
    auto work = [=](core::transaction& tx) {
        *session_id = core::resolve_session(tx, wanted)->value.session_id;
        return true;
    };
    return {work, [=](told& said) { said.sessions.push_back(*session_id); }};
}

// A process that finds the server on a history which the log has not heard of, as a promoted standby is.
meeting_unit change_epoch(stage& on, int) {
    on.forget_history();
    auto work = [](persistence::sql& session) { persistence::server_history().admit(session); };
    return {work, [](told& said) { said.new_history = true; }};
}

} // namespace

std::span<verb const> all_verbs() {
    static std::vector<verb> const all{
        {"start", anywhere, &start_another},
        {"repeat", anywhere, &repeat},
        {"claim", anywhere, &claim},
        {"heartbeat", anywhere, &heartbeat},
        {"declare dead", anywhere, &declare_owner_dead},
        {"take over", {run_stands::asking, run_stands::calling}, &take_over},
        {"append", {run_stands::asking, run_stands::calling}, &append},
        {"finish", {run_stands::asking}, &finish},
        {"cancel", anywhere, &cancel},
        {"input", anywhere, &input},
        {"resolve", with_approval, &resolve},
        {"fire", anywhere, &fire},
        {"begin session", {run_stands::queued}, &begin_session},
        {"change epoch", anywhere, &change_epoch},
    };
    return all;
}

verb const& find_verb(std::string_view name) { return *std::ranges::find(all_verbs(), name, &verb::name); }

} // namespace gatehouse::isolation
