#include "core/runs/run_steps.hpp"

#include "core/nodes/finish_call.hpp"
#include "core/nodes/step_outcome_of.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

// Steps whose owner died between any two commits, and what comes of their effects.
class take_over_test : public run_fixture {
  protected:
    // A call to a node that was committed as started.
    run_action begin(std::string tool = "node__fs__read") {
        add_node();
        lease_ = start();
        return ask_for(lease_, call(std::move(tool)));
    }
    run_action take_over() {
        lose_owner();
        lease_ = claim_one();
        return advance(lease_);
    }
    // As a tool that is no node's would leave it.
    void make_builtin() {
        auto s = get_step(lease_.run_id);
        s.node.reset();
        s.invocation_id.reset();
        write([s](transaction& tx) { tx.runs().save_step(s); });
    }
    // A write without a node that has begun, by an owner who died.
    approval ask_about_a_started_write() {
        set_rules(R"([{"effect":"allow","tool":"node__*"}])");
        EXPECT_EQ(begin("node__fs__write").what, kind::work);
        make_builtin();
        EXPECT_EQ(take_over().what, kind::released);
        EXPECT_EQ(get(lease_.run_id).state, run_state::waiting);
        EXPECT_EQ(count(lease_.run_id, "tool_call"), 1);
        return open_approvals(lease_.run_id).at(0);
    }
    run_action go_on() {
        lease_ = claim_one();
        return advance(lease_);
    }

    run_lease lease_;
};
ON_BOTH_STORES(take_over_test);

TEST_P(take_over_test, a_started_call_to_a_node_is_asked_for_again_under_the_same_key) {
    auto first = begin();
    ASSERT_EQ(first.what, kind::work);
    auto again = take_over();
    ASSERT_EQ(again.what, kind::work);
    ASSERT_EQ(again.started.size(), 1);
    EXPECT_EQ(again.started[0].call->idempotency_key, first.started[0].call->idempotency_key);
    EXPECT_EQ(again.started[0].call->invocation_id, first.started[0].call->invocation_id);
    EXPECT_EQ(
        again.started[0].call->lease_epoch, lease_.epoch
    ); // a node refuses a smaller one than it has seen
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 1);
    EXPECT_EQ(last(lease_.run_id, "lease").at("reason"), "takeover");
}

TEST_P(take_over_test, an_answer_that_came_meanwhile_is_used) {
    auto first = begin();
    lose_owner();
    call_answer answer;
    answer.invocation_id = first.started[0].call->invocation_id;
    answer.connection_epoch = 1;
    answer.result = "read";
    write([answer](transaction& tx) { return finish_call(tx, answer); });
    lease_ = claim_one();
    auto again = advance(lease_);
    ASSERT_EQ(again.started.size(), 1);
    run_progress progress;
    progress.steps.push_back(step_outcome_of(1, *again.started[0].call));
    EXPECT_EQ(advance(lease_, progress).what, kind::turn);
    EXPECT_EQ(get_step(lease_.run_id).output, "\"read\"");
}

TEST_P(take_over_test, a_finished_step_is_not_repeated) {
    begin();
    ASSERT_EQ(advance(lease_, done(1, "read")).what, kind::turn);
    auto again = take_over();
    EXPECT_EQ(again.what, kind::turn);
    EXPECT_EQ(again.turn, 2);
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 1);
    EXPECT_EQ(count(lease_.run_id, "tool_output"), 1);
    advance(lease_, done(1, "another outcome of the same step"));
    EXPECT_EQ(get_step(lease_.run_id).output, "\"read\"");
    EXPECT_EQ(count(lease_.run_id, "tool_output"), 1);
    expect_sound_tape(lease_.run_id);
}

TEST_P(take_over_test, a_turn_that_was_asked_for_is_asked_for_again) {
    lease_ = start();
    ASSERT_EQ(advance(lease_).turn, 1);
    EXPECT_EQ(take_over().turn, 1);
    EXPECT_EQ(advance(lease_, answered("hi")).what, kind::finished);
    EXPECT_EQ(count(lease_.run_id, "provider_request"), 2);
    EXPECT_EQ(count(lease_.run_id, "provider_response"), 1);
}

TEST_P(take_over_test, what_only_reads_is_started_again_under_the_same_key) {
    begin();
    auto const key = get_step(lease_.run_id).idempotency_key;
    make_builtin();
    ASSERT_EQ(take_over().what, kind::work);
    EXPECT_EQ(get_step(lease_.run_id).idempotency_key, key);
}

TEST_P(take_over_test, what_may_have_had_its_effect_is_a_persons_question) {
    auto asked = ask_about_a_started_write();
    EXPECT_EQ(asked.kind, "outcome");
    for (auto const* decision : {"approve", "deny"})
        EXPECT_EQ(decide_on(asked.approval_id, decision).error().code, errc::invalid_params);
    ASSERT_TRUE(decide_on(asked.approval_id, "skip"));
    EXPECT_EQ(go_on().what, kind::turn);
    EXPECT_NE(get_step(lease_.run_id).output->find("skipped"), std::string::npos);
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 1);
}

TEST_P(take_over_test, retry_takes_the_next_key) {
    set_rules(R"([{"effect":"allow","tool":"node__*"}])");
    begin("node__fs__write");
    ASSERT_EQ(advance(lease_, unknown(1)).what, kind::released);
    auto asked = open_approvals(lease_.run_id).at(0);
    ASSERT_TRUE(decide_on(asked.approval_id, "retry"));
    auto work = go_on();
    ASSERT_EQ(work.what, kind::work);
    EXPECT_EQ(work.started.at(0).value.attempt, 2);
    EXPECT_EQ(work.started.at(0).call->idempotency_key, lease_.run_id + ":1:2");
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 2);
}

TEST_P(take_over_test, retry_does_not_run_what_the_node_has_changed_since) {
    set_rules(R"([{"effect":"allow","tool":"node__*"}])");
    begin("node__fs__write");
    ASSERT_EQ(advance(lease_, unknown(1)).what, kind::released);
    add_node("dev_1", "box", " and tell everybody");
    ASSERT_TRUE(decide_on(open_approvals(lease_.run_id).at(0).approval_id, "retry"));
    EXPECT_EQ(go_on().what, kind::turn);
    EXPECT_EQ(count(lease_.run_id, "tool_call"), 1);
}

TEST_P(take_over_test, fail_and_silence_both_end_the_run) {
    auto asked = ask_about_a_started_write();
    ASSERT_TRUE(decide_on(asked.approval_id, "fail"));
    EXPECT_EQ(go_on().state, run_state::failed);
    EXPECT_TRUE(get(lease_.run_id).error->contains("unknown"));
    settings_.approval_ttl = 60s;
    asked = ask_about_a_started_write();
    time_.advance(60s);
    EXPECT_EQ(go_on().state, run_state::failed);
    EXPECT_EQ(get_approval(asked.approval_id).state, approval_state::expired);
    expect_sound_tape(lease_.run_id);
}

TEST_P(take_over_test, a_cancellation_outlives_the_owner_it_was_meant_for) {
    begin();
    ASSERT_TRUE(cancel(lease_.run_id));
    EXPECT_EQ(take_over().state, run_state::cancelled);
    auto const id = *get_step(lease_.run_id).invocation_id;
    EXPECT_EQ(read([id](snapshot& view) { return view.invocations().find(id); })->state, "cancelled");
}

TEST_P(take_over_test, a_long_output_becomes_an_artifact_with_a_preview) {
    begin();
    std::string const words(40'000, 'x');
    ASSERT_EQ(advance(lease_, done(1, boost::json::string(words))).what, kind::turn);
    auto output = last(lease_.run_id, "tool_output").at("output").as_object();
    EXPECT_EQ(output.at("size"), 40'002);
    EXPECT_LE(output.at("preview").as_string().size(), 2'000);
    std::string const id(output.at("artifact_id").as_string());
    EXPECT_EQ(
        read([id](snapshot& view) { return view.artifacts().read(id, 0, 50'000); }), "\"" + words + "\""
    );
    EXPECT_TRUE(read([id](snapshot& view) { return view.artifacts().find(id, "ada"); }));
    EXPECT_FALSE(read([id](snapshot& view) { return view.artifacts().find(id, "eve"); }));
}

TEST_P(take_over_test, a_call_that_cannot_be_made_is_answered_instead_of_started) {
    add_node();
    struct {
        tool_request wanted;
        char const* kind;
    } const cases[]{
        {call("node__fs__format"), "not_found"},
        {call("no such tool"), "not_found"},
        {call("node__fs__read", {{"path", 7}}), "invalid_params"},
        {call("node__fs__read", {{"node", "elsewhere"}}), "not_found"},
    };
    for (auto const& c : cases) {
        lease_ = start();
        EXPECT_EQ(ask_for(lease_, c.wanted).what, kind::turn) << c.wanted.tool;
        EXPECT_NE(get_step(lease_.run_id).output->find(c.kind), std::string::npos)
            << *get_step(lease_.run_id).output;
        EXPECT_EQ(last(lease_.run_id, "policy_decision").at("effect"), "deny");
        EXPECT_EQ(advance(lease_, answered("well")).what, kind::finished);
    }
}

} // namespace
} // namespace gatehouse::core
