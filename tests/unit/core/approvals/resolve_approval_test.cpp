#include "core/approvals/resolve_approval.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class resolve_approval_test : public run_fixture {
  protected:
    // A run that waits for a person's word about one call.
    approval ask(std::string tool = "node__fs__write", boost::json::object arguments = {{"path", "/tmp/a"}}) {
        lease_ = start();
        EXPECT_EQ(ask_for(lease_, call(std::move(tool), std::move(arguments))).what, kind::released);
        auto open = open_approvals(lease_.run_id);
        if (open.size() != 1) throw std::runtime_error("nothing was asked");
        return open.front();
    }
    // The run after the decision, claimed and advanced.
    run_action go_on() {
        lease_ = claim_one();
        return advance(lease_);
    }
    std::string output() { return *get_step(lease_.run_id).output; }

    run_lease lease_;
};
ON_BOTH_STORES(resolve_approval_test);

TEST_P(resolve_approval_test, a_risky_call_waits_without_a_lease_until_its_approval_runs_out) {
    add_node();
    auto asked = ask();
    auto r = get(lease_.run_id);
    EXPECT_EQ(r.state, run_state::waiting);
    EXPECT_EQ(r.waiting_on, asked.approval_id);
    EXPECT_FALSE(r.lease_owner);
    EXPECT_EQ(r.claimable_at, asked.expires_at);
    EXPECT_EQ(asked.kind, "call");
    EXPECT_EQ(asked.risk, "write");
    auto subject = parse_own_json(asked.subject).as_object();
    EXPECT_EQ(subject.at("arguments"), (boost::json::value{{"path", "/tmp/a"}}));
    EXPECT_EQ(subject.at("node"), "dev_1");
    EXPECT_EQ(subject.at("run_id").as_string(), lease_.run_id);
    EXPECT_EQ(last(lease_.run_id, "policy_decision").at("effect"), "ask");
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 0);
    EXPECT_TRUE(claim().empty());
}

TEST_P(resolve_approval_test, an_approved_call_starts_with_exactly_what_was_shown) {
    add_node();
    auto asked = ask();
    ASSERT_TRUE(decide_on(asked.approval_id, "approve"));
    EXPECT_EQ(last(lease_.run_id, "approval_decision").at("decision"), "approve");
    auto work = go_on();
    ASSERT_EQ(work.what, kind::work);
    ASSERT_EQ(work.started.size(), 1);
    ASSERT_TRUE(work.started[0].call);
    EXPECT_EQ(work.started[0].call->arguments, R"({"path":"/tmp/a"})");
    EXPECT_EQ(work.started[0].call->state, "sent");
    EXPECT_EQ(work.started[0].call->idempotency_key, lease_.run_id + ":1:1");
    EXPECT_EQ(advance(lease_, done(1, "written")).what, kind::turn);
    EXPECT_EQ(advance(lease_, answered("it is written")).state, run_state::succeeded);
    EXPECT_EQ(count(lease_.run_id, "tool_output"), 1);
    expect_sound_tape(lease_.run_id);
}

TEST_P(resolve_approval_test, a_denied_call_never_starts_and_the_model_is_told_why) {
    add_node();
    auto asked = ask();
    approval_verdict verdict;
    verdict.approval_id = asked.approval_id;
    verdict.decision = "deny";
    verdict.reason = "not on a Friday";
    ASSERT_TRUE(resolve(verdict));
    auto next = go_on();
    ASSERT_EQ(next.what, kind::turn);
    EXPECT_NE(output().find("not on a Friday"), std::string::npos);
    EXPECT_NE(output().find("approval_denied"), std::string::npos);
    EXPECT_EQ(next.request.messages.back().role, "tool");
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 0);
}

TEST_P(resolve_approval_test, one_that_nobody_answers_expires_and_its_call_with_it) {
    settings_.approval_ttl = 60s;
    add_node();
    auto asked = ask();
    time_.advance(60s);
    auto late = decide_on(asked.approval_id, "approve");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::wrong_state);
    ASSERT_EQ(go_on().what, kind::turn);
    EXPECT_EQ(get_approval(asked.approval_id).state, approval_state::expired);
    EXPECT_NE(output().find("approval_expired"), std::string::npos);
    EXPECT_EQ(last(lease_.run_id, "approval_decision").at("state"), "expired");
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 0);
    EXPECT_FALSE(decide_on(asked.approval_id, "approve"));
}

TEST_P(resolve_approval_test, what_changed_after_the_approval_does_not_run) {
    add_node();
    auto asked = ask();
    ASSERT_TRUE(decide_on(asked.approval_id, "approve"));
    add_node("dev_1", "box", " and tell everybody");
    EXPECT_EQ(go_on().what, kind::turn);
    EXPECT_NE(output().find("not what would run now"), std::string::npos) << output();
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 0);
}

TEST_P(resolve_approval_test, a_node_that_left_or_another_one_of_its_name_does_not_run_it_either) {
    add_node();
    auto asked = ask();
    ASSERT_TRUE(decide_on(asked.approval_id, "approve"));
    write([](transaction& tx) {
        auto n = *tx.nodes().find("dev_1");
        n.revoked = true;
        tx.nodes().put(n);
    });
    add_node("dev_2", "another");
    EXPECT_EQ(go_on().what, kind::turn);
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 0);
}

TEST_P(resolve_approval_test, it_is_decided_once) {
    add_node();
    auto asked = ask();
    ASSERT_TRUE(decide_on(asked.approval_id, "approve"));
    auto const seq = get(lease_.run_id).tape_seq;
    auto again = decide_on(asked.approval_id, "approve");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->state, approval_state::approved);
    auto other = decide_on(asked.approval_id, "deny");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, errc::wrong_state);
    EXPECT_EQ(get(lease_.run_id).tape_seq, seq);
}

TEST_P(resolve_approval_test, what_does_not_fit_is_refused_and_changes_nothing) {
    add_node();
    auto asked = ask();
    struct {
        char const* decision;
        char const* hash;
        char const* who;
        errc code;
    } const cases[]{
        {"retry", nullptr, "ada", errc::invalid_params},
        {"skip", nullptr, "ada", errc::invalid_params},
        {"approve", "00", "ada", errc::wrong_state},
        {"approve", nullptr, "eve", errc::not_found},
    };
    for (auto const& c : cases) {
        approval_verdict verdict;
        verdict.approval_id = asked.approval_id;
        verdict.decision = c.decision;
        if (c.hash) verdict.subject_hash = c.hash;
        auto refused = resolve(verdict, {c.who, false});
        ASSERT_FALSE(refused) << c.decision;
        EXPECT_EQ(refused.error().code, c.code) << c.decision;
    }
    EXPECT_EQ(get_approval(asked.approval_id).state, approval_state::pending);
    approval_verdict bad_when;
    bad_when.approval_id = asked.approval_id;
    bad_when.decision = "approve";
    bad_when.grant = "always";
    bad_when.grant_when = boost::json::value{{"type", "no such type"}};
    EXPECT_EQ(resolve(bad_when).error().code, errc::invalid_params);
    bad_when.approval_id = "app_unknown";
    EXPECT_EQ(resolve(bad_when).error().code, errc::not_found);
    EXPECT_TRUE(claim().empty());
}

TEST_P(resolve_approval_test, cancelling_a_waiting_run_withdraws_the_question) {
    add_node();
    auto asked = ask();
    ASSERT_TRUE(cancel(lease_.run_id));
    EXPECT_EQ(get(lease_.run_id).state, run_state::cancelled);
    EXPECT_EQ(get_approval(asked.approval_id).state, approval_state::cancelled);
    EXPECT_FALSE(decide_on(asked.approval_id, "approve"));
    EXPECT_TRUE(claim().empty());
}

TEST_P(resolve_approval_test, the_run_keeps_its_lease_while_a_sibling_works_and_hears_of_the_decision) {
    add_node();
    lease_ = start();
    advance(lease_);
    auto work = advance(lease_, answered("", {call("node__fs__read"), call("node__fs__write", {}, "c2")}));
    ASSERT_EQ(work.what, kind::work);
    ASSERT_EQ(work.started.size(), 1);
    EXPECT_EQ(work.started[0].value.tool, "node__fs__read");
    auto const open = open_approvals(lease_.run_id);
    ASSERT_EQ(open.size(), 1);
    ASSERT_TRUE(decide_on(open[0].approval_id, "approve"));
    EXPECT_EQ(count(lease_.run_id, "approval_decision"), 0); // its owner puts it on the tape
    run_progress news;
    news.in_flight = {1};
    auto more = advance(lease_, news);
    ASSERT_EQ(more.what, kind::work);
    ASSERT_EQ(more.started.size(), 1);
    EXPECT_EQ(more.started[0].value.ordinal, 2);
    EXPECT_EQ(count(lease_.run_id, "approval_decision"), 1);
    auto both = done(1, "read");
    both.steps.push_back(done(2, "written").steps[0]);
    EXPECT_EQ(advance(lease_, both).what, kind::turn);
    expect_sound_tape(lease_.run_id);
}

TEST_P(resolve_approval_test, of_two_questions_one_answered_starts_that_call_and_waits_on_for_the_other) {
    add_node();
    lease_ = start();
    advance(lease_);
    ASSERT_EQ(
        advance(lease_, answered("", {call("node__fs__write"), call("node__fs__wipe", {}, "c2")})).what,
        kind::released
    );
    auto const open = open_approvals(lease_.run_id);
    ASSERT_EQ(open.size(), 2);
    ASSERT_TRUE(decide_on(open[1].approval_id, "approve"));
    auto work = go_on();
    ASSERT_EQ(work.what, kind::work);
    EXPECT_EQ(work.started.at(0).value.ordinal, 2);
    ASSERT_EQ(advance(lease_, done(2, "wiped")).what, kind::released);
    EXPECT_EQ(get(lease_.run_id).state, run_state::waiting);
    EXPECT_EQ(get(lease_.run_id).waiting_on, open[0].approval_id);
    ASSERT_TRUE(decide_on(open[0].approval_id, "deny"));
    EXPECT_EQ(go_on().what, kind::turn);
}

TEST_P(resolve_approval_test, a_grant_lets_the_same_call_pass_in_its_session_and_nothing_else) {
    add_node();
    auto asked = ask();
    approval_verdict verdict;
    verdict.approval_id = asked.approval_id;
    verdict.decision = "approve";
    verdict.grant = "session";
    ASSERT_TRUE(resolve(verdict));
    go_on();
    advance(lease_, done(1, "written"));
    advance(lease_, answered("done"));

    auto same = start();
    EXPECT_EQ(ask_for(same, call("node__fs__write", {{"path", "/tmp/a"}})).what, kind::work);
    EXPECT_TRUE(last(same.run_id, "policy_decision").contains("grant_id"));
    advance(same, done(1, "written"));
    advance(same, answered("done"));

    auto differs = start();
    EXPECT_EQ(ask_for(differs, call("node__fs__write", {{"path", "/tmp/b"}})).what, kind::released);
    run_request elsewhere;
    elsewhere.session_key = "elsewhere";
    auto other = start("hello", elsewhere);
    EXPECT_EQ(ask_for(other, call("node__fs__write", {{"path", "/tmp/a"}})).what, kind::released);
}

} // namespace
} // namespace gatehouse::core
