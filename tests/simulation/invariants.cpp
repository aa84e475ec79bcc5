#include "tests/simulation/invariants.hpp"

#include "core/approvals/open_approval.hpp"
#include "core/runs/run_machine.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <set>

namespace gatehouse::simulation {

namespace {

namespace json = boost::json;

// One run as its tape tells it.
struct told_run {
    std::optional<forked_from> fork; // then what is told of inputs and steps is its own only
    std::string state;
    std::int64_t turns = 0;
    core::token_usage usage;
    std::optional<std::string> output;
    std::int64_t asked_at = 0;          // seq of the newest request to the model
    std::int64_t input_at = 0;          // and of the newest message
    bool has_input = false;             // what the run was started with
    std::optional<std::string> settled; // of the output: a fork goes on from there
    std::size_t open_calls = 0;         // of the newest turn
    std::int64_t steps = 0;             // all that were decided
    std::int64_t steps_copied = 0;
    std::map<std::string, int> inputs;                 // by text
    std::map<std::string, json::object> outputs;       // of steps
    std::map<std::string, std::set<std::string>> keys; // of steps
    std::map<std::string, json::object> calls;         // by idempotency key
    std::set<std::string> decided;                     // steps with a policy decision
    std::map<std::string, int> retries;                // steps that a person wanted again
    std::map<std::string, std::string> verdicts;       // of approvals

    // What stands before the note of a fork is of another run. A turn that was under way there is taken anew.
    void begin_fork(forked_from from, std::int64_t seq) {
        told_run own;
        own.fork = std::move(from);
        own.state = "accepted";
        own.turns = turns;
        own.usage = usage;
        own.output = own.settled = settled;
        own.input_at = seq;
        own.has_input = has_input;
        own.steps = own.steps_copied = steps;
        *this = std::move(own);
    }
    void take_input(std::string const& text, std::int64_t seq) {
        // Where the copy ends before the source's first message, the fork is given that again.
        if (has_input || !fork) ++inputs[text];
        has_input = true;
        input_at = seq;
    }
    void take_response(json::object const& payload) {
        ++turns;
        auto const& used = payload.at("usage").as_object();
        usage.input_tokens += used.at("input_tokens").as_int64();
        usage.output_tokens += used.at("output_tokens").as_int64();
        open_calls = payload.at("tool_calls").as_array().size();
        std::string const said(payload.at("text").as_string());
        if (!said.empty()) output = output ? *output + "\n" + said : said;
    }
};

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
    told_run replay(std::string const& run_id, std::vector<core::tape_item> const& items);
    void replay_item(std::string const& run_id, core::tape_item const& item, told_run& told);
    void replay_step(std::string const& run_id, core::tape_item const& item, told_run& told);
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
    auto const& told = told_[r.run_id] = replay(r.run_id, seen->second.items);
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

told_run checker::replay(std::string const& run_id, std::vector<core::tape_item> const& items) {
    told_run told;
    for (auto const& item : items) {
        if (auto fork = find_fork(item)) {
            told.begin_fork(std::move(*fork), item.seq);
            continue;
        }
        expect(
            !core::is_terminal(*protocol::parse_run_state(told.state.empty() ? "accepted" : told.state)),
            "I3 " + item.kind + " stands behind the end of " + run_id
        );
        replay_item(run_id, item, told);
    }
    return told;
}

void checker::replay_item(std::string const& run_id, core::tape_item const& item, told_run& told) {
    auto const payload = parse_own_json(item.payload).as_object();
    auto text = [&](char const* name) { return std::string(payload.at(name).as_string()); };
    if (item.kind == "status_change") {
        told.state = text("to");
    } else if (item.kind == "input") {
        told.take_input(text("text"), item.seq);
    } else if (item.kind == "provider_request") {
        told.asked_at = item.seq;
        told.settled = told.output;
    } else if (item.kind == "provider_response") {
        told.take_response(payload);
        expect(text("step_id") == core::turn_id(told.turns), "I3 a turn of " + run_id + " has two responses");
    } else if (item.kind == "approval_decision") {
        auto const state = text("state");
        auto const [at, is_new] = told.verdicts.try_emplace(text("approval_id"), state);
        expect(is_new || at->second == state, "I10 " + at->first + " was decided twice");
        if (auto const* decision = payload.if_contains("decision"); decision && *decision == "retry")
            ++told.retries[text("step_id")];
    } else {
        replay_step(run_id, item, told);
    }
}

void checker::replay_step(std::string const& run_id, core::tape_item const& item, told_run& told) {
    if (item.kind != "policy_decision" && item.kind != "tool_call" && item.kind != "tool_output") return;
    auto payload = parse_own_json(item.payload).as_object();
    std::string const step(payload.at("step_id").as_string());
    if (item.kind == "policy_decision") {
        told.decided.insert(step);
        ++told.steps;
    } else if (item.kind == "tool_call") {
        expect(told.decided.contains(step), "I13 " + step + " of " + run_id + " started without a decision");
        expect(!told.outputs.contains(step), "I3 " + step + " of " + run_id + " started after its outcome");
        std::string const key(payload.at("idempotency_key").as_string());
        told.keys[step].insert(key);
        told.calls[key] = std::move(payload);
    } else {
        expect(!told.outputs.contains(step), "I3 " + step + " of " + run_id + " has two outcomes");
        told.outputs[step] = std::move(payload);
        if (told.open_calls > 0 && --told.open_calls == 0) told.settled = told.output;
    }
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
