#pragma once
// Runs as a state machine over a real store: every verb is one unit, and what a driver would do is said by
// the test.
#include "core/agents/change_agent.hpp"
#include "core/approvals/resolve_approval.hpp"
#include "core/policy/put_policy.hpp"
#include "core/runs/advance_run.hpp"
#include "core/runs/change_run.hpp"
#include "core/runs/claim_runs.hpp"
#include "core/runs/start_run.hpp"
#include "core/runs/verify_run.hpp"
#include "core/sessions/resolve_session.hpp"
#include "protocol/parse_json.hpp"
#include "tests/support/store_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <string>
#include <vector>

namespace gatehouse::core {

class run_fixture : public testing::store_fixture {
  protected:
    using kind = run_action::kind;

    void SetUp() override {
        store_fixture::SetUp();
        if (IsSkipped()) return;
        settings_.instance_id = "ins_a";
    }

    result<started_run> try_start(std::string text, run_request request) {
        request.principal = "ada";
        if (!request.session_id && !request.session_key) request.session_key = "main";
        request.input = {{"text", text}};
        if (request.session_key) {
            write([key = *request.session_key](transaction& tx) {
                session_request wanted;
                wanted.principal = "ada";
                wanted.session_key = key;
                return resolve_session(tx, wanted);
            });
        }
        return write([request, s = settings_](transaction& tx) { return start_run(tx, request, s); });
    }
    // Accepted and claimed at once by this instance.
    run_lease start(std::string text = "hello", run_request request = {}) {
        auto started = queue(std::move(text), std::move(request));
        auto lease = claim_one();
        if (lease.run_id != started.value.run_id) throw std::runtime_error("another run was due");
        return lease;
    }
    // Accepted for the queue.
    started_run queue(std::string text = "hello", run_request request = {}) {
        auto started = try_start(std::move(text), std::move(request));
        if (!started) throw std::runtime_error(started.error().message);
        return *started;
    }
    std::vector<run_lease> claim(std::int64_t limit = 16) {
        auto const claimed =
            write([limit, me = settings_.instance_id](transaction& tx) { return claim_runs(tx, me, limit); });
        std::vector<run_lease> leases;
        for (auto const& each : claimed) leases.push_back(each.lease);
        return leases;
    }
    run_lease claim_one() {
        auto leases = claim();
        if (leases.size() != 1) throw std::runtime_error(std::to_string(leases.size()) + " runs were due");
        return leases.front();
    }

    run_action advance(run_lease const& lease, run_progress progress = {}) {
        return write([lease, progress, s = settings_](transaction& tx) {
            return advance_run(tx, lease, progress, s);
        });
    }
    static run_progress answered(std::string text, std::vector<tool_request> calls = {}) {
        run_progress progress;
        progress.turn = model_response{std::move(text), std::move(calls), {3, 5}, "stop"};
        return progress;
    }
    static run_progress
    failed(std::string what, bool retryable, std::optional<std::chrono::milliseconds> after = {}) {
        run_progress progress;
        progress.turn = std::unexpected(provider_error{std::move(what), "it says so", retryable, after});
        return progress;
    }
    static run_progress done(std::int64_t ordinal, boost::json::value output, bool ok = true) {
        run_progress progress;
        step_outcome outcome;
        outcome.ordinal = ordinal;
        outcome.ok = ok;
        outcome.output = std::move(output);
        progress.steps.push_back(std::move(outcome));
        return progress;
    }
    static run_progress unknown(std::int64_t ordinal) {
        auto progress = done(ordinal, {{"error", "unknown"}}, false);
        progress.steps.front().unknown = true;
        return progress;
    }
    static tool_request call(std::string tool, boost::json::object arguments = {}, std::string id = "c1") {
        return {std::move(id), std::move(tool), std::move(arguments)};
    }
    // The run's first model turn, answered with one tool call.
    run_action ask_for(run_lease const& lease, tool_request wanted) {
        EXPECT_EQ(advance(lease).what, kind::turn);
        return advance(lease, answered("", {std::move(wanted)}));
    }

    // A node, here and connected, with the operations read, write, wipe (dangerous) of the capability fs.
    void add_node(std::string device_id = "dev_1", std::string label = "box", std::string more = "") {
        node n;
        n.device_id = device_id;
        n.public_key = "key of " + device_id;
        n.label = std::move(label);
        n.trust = "remote";
        n.allow = {"*"};
        n.capabilities = R"([{"id":"fs","version":"1.0.0","operations":[)" + operation("read", "read", more) +
                         "," + operation("write", "write", more) + "," +
                         operation("wipe", "dangerous", more) + "]}]";
        n.connection_epoch = 1;
        n.instance_id = settings_.instance_id;
        n.created_at = time_.now();
        write([n](transaction& tx) { tx.nodes().put(n); });
    }

    run get(std::string const& run_id) {
        return *read([run_id](snapshot& view) { return view.runs().find(run_id); });
    }
    step get_step(std::string const& run_id, std::int64_t ordinal = 1) {
        return *read([=](snapshot& view) { return view.runs().find_step(run_id, ordinal); });
    }
    std::vector<tape_item> tape(std::string const& run_id) {
        return read([run_id](snapshot& view) { return view.runs().tape(run_id, 0, 10'000); });
    }
    std::vector<std::string> kinds(std::string const& run_id) {
        std::vector<std::string> out;
        for (auto const& item : tape(run_id)) out.push_back(item.kind);
        return out;
    }
    // The payload of the newest item of that kind.
    boost::json::object last(std::string const& run_id, std::string const& item_kind) {
        boost::json::object found;
        for (auto const& item : tape(run_id))
            if (item.kind == item_kind) found = parse_own_json(item.payload).as_object();
        return found;
    }
    std::int64_t count(std::string const& run_id, std::string const& item_kind) {
        return std::ranges::count(kinds(run_id), item_kind);
    }
    std::vector<approval> open_approvals(std::string const& run_id) {
        return read([run_id](snapshot& view) { return view.approvals().pending_of_run(run_id); });
    }
    approval get_approval(std::string const& approval_id) {
        return *read([approval_id](snapshot& view) { return view.approvals().find(approval_id); });
    }
    result<approval>
    decide_on(std::string const& approval_id, std::string decision, actor who = {"ada", false}) {
        approval_verdict verdict;
        verdict.approval_id = approval_id;
        verdict.decision = std::move(decision);
        return resolve(verdict, who);
    }
    result<approval> resolve(approval_verdict const& verdict, actor who = {"ada", false}) {
        return write([verdict, who](transaction& tx) { return resolve_approval(tx, verdict, who); });
    }
    result<run> cancel(std::string const& run_id, std::string reason = "enough") {
        return write([=](transaction& tx) { return cancel_run(tx, run_id, {"ada", false}, reason); });
    }
    result<run> tell(std::string const& run_id, std::string text) {
        return write([=](transaction& tx) { return give_input(tx, run_id, {"ada", false}, {text, {}}); });
    }
    void set_rules(std::string const& rules) {
        auto put = write([rules](transaction& tx) {
            return put_policy(tx, boost::json::parse(rules).as_array(), std::nullopt);
        });
        ASSERT_TRUE(put) << put.error().message;
    }
    void change_default_agent(std::function<void(agent&)> change) {
        write([change](transaction& tx) {
            auto a = *tx.agents().find("default");
            change(a);
            put_agent(tx, a);
        });
    }
    // As declare_dead does: the owner's runs are anybody's.
    void lose_owner() {
        write([me = settings_.instance_id](transaction& tx) { tx.runs().release_all_of(me); });
    }

    void expect_sound_tape(std::string const& run_id) {
        auto verdict = read([run_id](snapshot& view) { return verify_run(view, run_id, {"ada", false}); });
        ASSERT_TRUE(verdict);
        EXPECT_EQ(verdict->first_bad_seq, std::nullopt);
        EXPECT_EQ(verdict->items, get(run_id).tape_seq);
    }

    run_settings settings_;

  private:
    static std::string operation(std::string const& name, std::string const& risk, std::string const& more) {
        return R"({"name":")" + name + R"(","description":")" + name + more + R"(","risk":")" + risk +
               R"(","input_schema":{"type":"object","properties":{"path":{"type":"string"}}}})";
    }
};

} // namespace gatehouse::core
