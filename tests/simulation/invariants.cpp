#include "tests/simulation/invariants.hpp"

#include "core/approvals/open_approval.hpp"
#include "core/runs/run_machine.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/parse_json.hpp"
#include "tests/simulation/told_run.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <set>

namespace gatehouse::simulation {

namespace {

namespace json = boost::json;

constexpr std::int64_t rows_max = 1'000;

std::vector<core::approval> all_approvals(core::store_set const& stores) {
    core::approval_filter all;
    all.limit = rows_max;
    return stores.approvals.list(all);
}

} // namespace

std::vector<core::run> all_runs(core::store_set const& stores) {
    core::run_filter all;
    all.limit = rows_max;
    all.purpose.reset();
    return stores.runs.list(all);
}

namespace {

class checker {
  public:
    checker(seen_world const& world, violations& found) : world_(world), found_(found) {}

    void check() {
        auto& sql = world_.store.statements();
        sql.begin(persistence::access::read);
        for (auto const& r : all_runs(stores())) runs_.emplace(r.run_id, r);
        for (auto const& [run_id, r] : runs_) check_run(r);
        check_sessions();
        check_background();
        check_forks();
        check_effects();
        check_approvals();
        check_replies();
        check_subscribers();
        check_readers();
        sql.rollback();
    }

  private:
    core::store_set const& stores() const { return world_.store.session().stores(); }
    void expect(bool holds, std::string sentence) {
        if (!holds) found_.push_back(std::move(sentence));
    }

    void check_run(core::run const& r);
    void check_chain(core::run const& r, std::vector<core::tape_item> const& items);
    void check_steps(core::run const& r, told_run const& told);
    void check_sessions();
    void check_background();
    void check_forks();
    void check_fork(std::string const& run_id, forked_from const& from);
    void check_effects();
    void check_approvals();
    void check_replies();
    void check_reply(client_request const& request);
    void check_subscribers();
    void check_readers();

    seen_world const& world_;
    violations& found_;
    std::map<std::string, core::run> runs_;
    std::map<std::string, told_run> told_;
};

void checker::check_run(core::run const& r) {
    expect(core::is_terminal(r.state), "I2 " + r.run_id + " is still " + std::string(to_string(r.state)));
    expect(!stores().runs.has_inbox(r.run_id), "I1 " + r.run_id + " ended with a message in its inbox");
    auto const seen = world_.commits.tapes().find(r.run_id);
    if (seen == world_.commits.tapes().end()) {
        found_.push_back("I6 nobody saw a commit of the tape of " + r.run_id);
        return;
    }
    check_chain(r, seen->second.items);
    auto const& told = told_[r.run_id] = replay_tape(r.run_id, seen->second.items, found_);
    expect(told.state == to_string(r.state), "I15 the tape of " + r.run_id + " ends with another state");
    expect(told.turns == r.turn, "I15 the tape of " + r.run_id + " tells another number of turns");
    expect(
        told.usage.input_tokens == r.usage.input_tokens && told.usage.output_tokens == r.usage.output_tokens,
        "I15 the tape of " + r.run_id + " tells another usage"
    );
    if (r.state == core::run_state::succeeded) {
        expect(told.asked_at > told.input_at, "I1 " + r.run_id + " finished without a word about an input");
        expect(told.output.value_or("") == r.output, "I15 the tape of " + r.run_id + " tells another output");
    }
    check_steps(r, told);
}

void checker::check_chain(core::run const& r, std::vector<core::tape_item> const& items) {
    core::tape_verifier verifier;
    verifier.add(items);
    expect(!verifier.first_bad_seq(), "I6 the tape of " + r.run_id + " has a break in its chain");
    expect(
        verifier.head_seq() == r.tape_seq && verifier.head_hash() == r.tape_hash,
        "I6 the tape of " + r.run_id + " does not end at the head in its row"
    );
    // Nothing that was committed has changed since.
    auto const kept = stores().runs.tape(r.run_id, 0, 10'000);
    bool same = kept.size() == items.size();
    for (std::size_t i = 0; same && i < kept.size(); ++i) same = kept[i].hash == items[i].hash;
    expect(same, "I6 the tape of " + r.run_id + " is not what was committed");
}

void checker::check_steps(core::run const& r, told_run const& told) {
    for (std::int64_t ordinal = told.steps_copied + 1; ordinal <= r.steps; ++ordinal) {
        auto const s = stores().runs.find_step(r.run_id, ordinal);
        auto const name = core::step_id(ordinal) + " of " + r.run_id;
        if (!s) {
            found_.push_back("I15 there is no row of " + name);
            continue;
        }
        auto const output = told.outputs.find(core::step_id(ordinal));
        bool const is_told = output != told.outputs.end();
        expect(is_told == (s->state == core::step_state::finished), "I15 tape and row differ about " + name);
        if (is_told && s->output)
            expect(
                output->second.at("output") == parse_own_json(*s->output),
                "I3 the outcome of " + name + " changed"
            );
        auto const keys = told.keys.find(core::step_id(ordinal));
        auto const retries = told.retries.find(core::step_id(ordinal));
        auto const allowed = 1 + (retries == told.retries.end() ? 0 : retries->second);
        if (keys != told.keys.end())
            expect(std::ssize(keys->second) <= allowed, "I4 " + name + " was started under a key too many");
    }
}

// I7: runs of one session, in their order, never at the same time.
void checker::check_sessions() {
    std::map<std::pair<std::string, std::int64_t>, core::run const*> in_order;
    for (auto const& [run_id, r] : runs_)
        if (!is_background(r)) in_order[{r.session_id, r.ordinal}] = &r;
    core::run const* before = nullptr;
    for (auto const& [place, r] : in_order) {
        bool const same = before && before->session_id == r->session_id;
        if (same && r->started_at) {
            bool const ended = before->finished_at && *before->finished_at <= *r->started_at;
            expect(ended, "I7 " + r->run_id + " began before " + before->run_id + " had ended");
        }
        if (same) expect(r->ordinal == before->ordinal + 1, "I7 a place in a session is empty");
        before = r;
    }
}

// What follows a run was made with its end, once, and applied with its own.
void checker::check_background() {
    std::map<std::string, int> due;
    std::map<std::string, int> made;
    std::map<std::string, int> applied;
    std::set<std::string> of_forks;
    for (auto const& [run_id, r] : runs_) {
        if (auto const told = told_.find(run_id); told != told_.end() && told->second.fork)
            of_forks.insert(r.session_id);
        bool const succeeded = r.state == core::run_state::succeeded;
        if (is_background(r)) {
            ++made[r.session_id];
            applied[r.session_id] += succeeded ? 1 : 0;
        } else if (r.ordinal == 2 || r.ordinal == 4) {
            due[r.session_id] += succeeded ? 1 : 0;
        }
    }
    for (auto& [session_id, times] : due) {
        auto const in = stores().sessions.find(session_id);
        // Nobody reads a list of a channel's conversations.
        if (in->session_key.starts_with("channel:")) times = 0;
        bool const has_label_of_source = of_forks.contains(session_id) && in->label && made[session_id] == 0;
        if (has_label_of_source) continue;
        bool const fits = made[session_id] <= times && (made[session_id] > 0) == (times > 0);
        expect(fits, "I3 " + session_id + " was followed " + std::to_string(made[session_id]) + " times");
        expect(
            in->label.has_value() == (applied[session_id] > 0),
            "I15 the label of " + session_id + " is not what its runs tell"
        );
    }
}

// One request, one fork; and whoever asked was told of it.
void checker::check_forks() {
    std::set<std::string> answered;
    for (auto const& request : world_.clients.requests()) {
        if (request.method != "run.fork" || request.replies.empty()) continue;
        auto const reply = parse_own_json(request.replies.front()).as_object();
        std::string const run_id(reply.at("run_id").as_string());
        expect(answered.insert(run_id).second, "I9 two requests were answered with the fork " + run_id);
        auto const told = told_.find(run_id);
        expect(
            told != told_.end() && told->second.fork &&
                request.params.at("run_id").as_string() == told->second.fork->run_id &&
                request.params.at("at_seq").as_int64() == told->second.fork->at_seq,
            "I1 " + request.key + " was answered with a run that is not its fork"
        );
    }
    for (auto const& [run_id, told] : told_) {
        if (!told.fork) continue;
        expect(answered.contains(run_id), "I9 nobody was told of the fork " + run_id);
        check_fork(run_id, *told.fork);
    }
}

void checker::check_fork(std::string const& run_id, forked_from const& from) {
    auto const& tapes = world_.commits.tapes();
    auto const source = tapes.find(from.run_id);
    auto const& items = tapes.at(run_id).items;
    auto const length = static_cast<std::size_t>(from.at_seq);
    bool same = source != tapes.end() && source->second.items.size() >= length && items.size() > length;
    for (std::size_t i = 0; same && i < length; ++i) same = source->second.items[i].hash == items[i].hash;
    expect(same, "I15 the tape of " + run_id + " does not begin as that of its source");
    expect(!same || find_fork(items[length]), "I15 the copy on the tape of " + run_id + " ends elsewhere");
}

void checker::check_effects() {
    for (auto const& node : world_.nodes) {
        std::map<std::string, int> times;
        for (auto const& each : node->ledger()) {
            auto const name = each.operation + " " + each.key;
            // A read that the node was interrupted in is harmless and may come again.
            if (each.operation != "read")
                expect(++times[each.key] == 1, "I4 the effect of " + name + " happened twice");
            auto const told = told_.find(each.run_id);
            auto const* call = told == told_.end() || !told->second.calls.contains(each.key)
                                   ? nullptr
                                   : &told->second.calls.at(each.key);
            expect(call, "I4 the effect of " + name + " happened before its step was committed as started");
            if (!call) continue;
            expect(
                call->at("arguments") == parse_own_json(each.arguments),
                "I10 the effect of " + name + " had other arguments than its step"
            );
        }
    }
}

void checker::check_approvals() {
    for (auto const& a : all_approvals(stores())) {
        expect(a.state != core::approval_state::pending, "I2 " + a.approval_id + " is still open");
        if (!a.run_id || !told_.contains(*a.run_id)) continue;
        auto const& told = told_.at(*a.run_id);
        auto const said = told.verdicts.find(a.approval_id);
        if (said != told.verdicts.end())
            expect(said->second == to_string(a.state), "I10 tape and row differ about " + a.approval_id);
        auto const subject = parse_own_json(a.subject).as_object();
        for (auto const& [key, call] : told.calls) {
            if (a.kind != "call" || call.at("step_id").as_string() != core::step_id(*a.step_ordinal))
                continue;
            bool const was_let = a.state == core::approval_state::approved;
            expect(was_let, "I10 " + key + " was started without the approval it was asked for");
            expect(
                call.at("arguments") == subject.at("arguments"),
                "I10 " + key + " was started with other arguments than were shown"
            );
        }
    }
}

void checker::check_replies() {
    for (auto const& request : world_.clients.requests()) {
        expect(request.done, "I2 " + request.key + " was never answered");
        for (auto const& reply : request.replies)
            expect(reply == request.replies.front(), "I9 " + request.key + " got two replies");
        check_reply(request);
    }
}

void checker::check_reply(client_request const& request) {
    auto const is_input = request.method == "run.input";
    auto of_text = [&](auto const& each) { return each.second.inputs.contains(request.text); };
    auto const effects = std::ranges::count_if(told_, of_text);
    if (request.replies.empty()) {
        expect(!request.refused || effects == 0, "I9 " + request.key + " was refused and had its effect");
        return;
    }
    auto const reply = parse_own_json(request.replies.front()).as_object();
    if (request.method == "approval.resolve") {
        auto const id = std::string(reply.at("approval_id").as_string());
        auto const kept = stores().approvals.find(id);
        auto const wanted = std::string(request.params.at("decision").as_string());
        expect(kept && kept->decision == wanted, "I1 the decision " + request.key + " was lost");
        return;
    }
    auto const told = told_.find(std::string(reply.at("run_id").as_string()));
    if (told == told_.end()) {
        found_.push_back("I1 " + request.key + " was answered with a run that is not there");
        return;
    }
    if (request.method == "run.fork") return; // check_forks()
    if (request.method == "run.cancel")
        return expect(told->second.state == "cancelled", "I1 the cancellation " + request.key + " was lost");
    expect(effects == 1, "I9 " + request.key + " had its effect " + std::to_string(effects) + " times");
    auto const times = told->second.inputs.find(request.text);
    expect(
        times != told->second.inputs.end() && times->second == 1,
        std::string("I1 the ") + (is_input ? "input" : "message") + " of " + request.key +
            " does not stand once on the tape"
    );
}

void checker::check_subscribers() {
    auto const log = stores().events.read(0, 100'000).events;
    for (auto const& each : world_.subscribers) {
        expect(!each->has_expired(), "I8 a cursor expired, though nothing was removed");
        if (!each->began_at()) continue;
        std::vector<std::string> expected;
        for (auto const& e : log)
            if (e.seq > each->began_at()->seq) expected.push_back(e.value.event_id);
        std::set<std::string> known;
        std::vector<std::string> heard;
        for (auto const& id : each->heard())
            if (known.insert(id).second) heard.push_back(id);
        expect(
            heard == expected, "I8 a subscriber heard " + std::to_string(heard.size()) + " events of " +
                                   std::to_string(expected.size()) + ", or in another order"
        );
    }
}

void checker::check_readers() {
    for (auto const& each : world_.readers) {
        auto const name = "a reader of " + each->run_id();
        expect(each->is_done(), "I8 " + name + " was not told of its end");
        auto const& committed = world_.commits.tapes().at(each->run_id()).items;
        bool same = each->read().size() == committed.size();
        for (std::size_t i = 0; same && i < committed.size(); ++i)
            same = each->read()[i].hash == committed[i].hash;
        expect(same, "I8 " + name + " did not read its tape");
    }
}

} // namespace

void check_invariants(seen_world const& world, violations& found) { checker(world, found).check(); }

} // namespace gatehouse::simulation
