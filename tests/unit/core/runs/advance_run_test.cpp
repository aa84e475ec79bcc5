#include "core/runs/advance_run.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

#include <atomic>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class advance_run_test : public run_fixture {};
ON_BOTH_STORES(advance_run_test);

TEST_P(advance_run_test, a_run_of_one_turn_leaves_exactly_its_tape_in_three_commits) {
    std::atomic<int> commits = 0;
    auto lease = start("hello");
    failures_.on_statement = [&](std::string_view text) { commits += text == "COMMIT" ? 1 : 0; };
    auto asked = advance(lease);
    ASSERT_EQ(asked.what, kind::turn);
    EXPECT_EQ(asked.turn, 1);
    ASSERT_EQ(asked.request.messages.size(), 1);
    EXPECT_EQ(asked.request.messages[0].role, "user");
    EXPECT_EQ(asked.request.messages[0].text, "hello");
    auto ended = advance(lease, answered("hi"));
    failures_.on_statement = nullptr;
    EXPECT_EQ(ended.what, kind::finished);
    EXPECT_EQ(ended.state, run_state::succeeded);
    EXPECT_EQ(
        kinds(lease.run_id), (strings{
                                 "status_change", "input", "lease", "status_change", "provider_request",
                                 "provider_response", "status_change"
                             })
    );
    auto r = get(lease.run_id);
    EXPECT_EQ(r.state, run_state::succeeded);
    EXPECT_EQ(r.output, "hi");
    EXPECT_EQ(r.usage.input_tokens, 3);
    EXPECT_EQ(r.usage.output_tokens, 5);
    EXPECT_FALSE(r.lease_owner || r.claimable_at);
    EXPECT_TRUE(r.finished_at);
    EXPECT_EQ(commits, 2); // and the one of the start
    expect_sound_tape(lease.run_id);
}

TEST_P(advance_run_test, a_finished_run_is_lost_to_whoever_still_holds_its_lease) {
    auto lease = start();
    advance(lease);
    advance(lease, answered("hi"));
    auto const before = get(lease.run_id);
    EXPECT_EQ(advance(lease, answered("again")).what, kind::lost);
    EXPECT_EQ(get(lease.run_id).tape_seq, before.tape_seq);
    EXPECT_EQ(get(lease.run_id).output, "hi");
}

TEST_P(advance_run_test, an_old_epoch_writes_nothing) {
    add_node();
    auto old = start();
    advance(old);
    lose_owner();
    auto lease = claim_one();
    EXPECT_GT(lease.epoch, old.epoch);
    auto const before = get(old.run_id);
    for (auto const& progress :
         {answered("stale"), answered("", {call("node__fs__read")}), failed("unavailable", true),
          run_progress{}}) {
        EXPECT_EQ(advance(old, progress).what, kind::lost);
    }
    auto const after = get(old.run_id);
    EXPECT_EQ(after.tape_seq, before.tape_seq);
    EXPECT_EQ(after.tape_hash, before.tape_hash);
    EXPECT_EQ(after.lease_epoch, lease.epoch);
    EXPECT_FALSE(read([&](snapshot& view) { return view.runs().find_step(old.run_id, 1); }));
    EXPECT_EQ(advance(lease).what, kind::turn);
    EXPECT_EQ(advance(lease, answered("fresh")).what, kind::finished);
    EXPECT_EQ(get(old.run_id).output, "fresh");
    expect_sound_tape(old.run_id);
}

TEST_P(advance_run_test, a_provider_error_that_may_pass_is_tried_again_at_its_time) {
    auto lease = start();
    advance(lease);
    auto progress = failed("unavailable", true);
    progress.jitter = 0.5;
    auto waits = advance(lease, progress);
    EXPECT_EQ(waits.what, kind::released);
    auto r = get(lease.run_id);
    EXPECT_EQ(r.state, run_state::running);
    EXPECT_EQ(r.attempt, 1);
    EXPECT_FALSE(r.lease_owner);
    ASSERT_TRUE(r.claimable_at);
    EXPECT_EQ(*r.claimable_at, time_.now() + 100ms); // half of the first delay of 200 ms
    EXPECT_EQ(last(lease.run_id, "retry").at("delay_ms"), 100);
    EXPECT_TRUE(claim().empty());
    time_.advance(100ms);
    auto again = advance(claim_one());
    EXPECT_EQ(last(lease.run_id, "lease").at("reason"), "retry");
    ASSERT_EQ(again.what, kind::turn);
    EXPECT_EQ(again.request.attempt, 1);
    EXPECT_EQ(again.turn, 1);
}

TEST_P(advance_run_test, the_delay_doubles_up_to_its_most_and_retry_after_beats_it) {
    settings_.retry_delay_max = 1s;
    auto lease = start();
    for (auto expected : {200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        ASSERT_EQ(advance(lease).what, kind::turn);
        auto progress = failed("unavailable", true);
        progress.jitter = 1.0;
        ASSERT_EQ(advance(lease, progress).what, kind::released);
        EXPECT_EQ(*get(lease.run_id).claimable_at - time_.now(), expected);
        time_.advance(expected);
        lease = claim_one();
    }
    ASSERT_EQ(advance(lease).what, kind::turn);
    ASSERT_EQ(advance(lease, failed("rate_limited", true, 90s)).what, kind::released);
    EXPECT_EQ(*get(lease.run_id).claimable_at - time_.now(), 90s);
}

TEST_P(advance_run_test, a_run_that_is_given_up_fails_and_lets_the_next_one_begin) {
    auto lease = start();
    advance(lease);
    auto next = queue("next").value.run_id;
    auto ended = write([lease](transaction& tx) { return give_up(tx, lease); });
    EXPECT_EQ(ended.state, run_state::failed);
    EXPECT_EQ(get(lease.run_id).state, run_state::failed);
    EXPECT_EQ(claim_one().run_id, next);
    EXPECT_EQ(write([lease](transaction& tx) { return give_up(tx, lease); }).what, kind::lost);
    expect_sound_tape(lease.run_id);
}

TEST_P(advance_run_test, an_answer_after_a_failed_attempt_begins_the_count_anew) {
    auto lease = start();
    advance(lease);
    advance(lease, failed("unavailable", true, 0ms));
    lease = claim_one();
    advance(lease);
    tell(lease.run_id, "and more");
    EXPECT_EQ(advance(lease, answered("hi")).what, kind::turn);
    EXPECT_EQ(get(lease.run_id).attempt, 0);
    EXPECT_EQ(get(lease.run_id).turn, 1);
}

TEST_P(advance_run_test, a_permanent_error_and_too_many_attempts_end_the_run) {
    auto permanent = start();
    advance(permanent);
    EXPECT_EQ(advance(permanent, failed("rejected", false)).state, run_state::failed);
    EXPECT_EQ(count(permanent.run_id, "retry"), 0);
    EXPECT_EQ(count(permanent.run_id, "provider_error"), 1);
    EXPECT_TRUE(get(permanent.run_id).error->contains("unavailable"));

    settings_.turn_attempts_max = 3;
    auto lease = start();
    for (int attempt = 1; attempt < 3; ++attempt) {
        ASSERT_EQ(advance(lease).what, kind::turn);
        ASSERT_EQ(advance(lease, failed("unavailable", true, 0ms)).what, kind::released);
        lease = claim_one();
    }
    ASSERT_EQ(advance(lease).what, kind::turn);
    EXPECT_EQ(advance(lease, failed("unavailable", true, 0ms)).state, run_state::failed);
    EXPECT_EQ(count(lease.run_id, "provider_error"), 3);
    EXPECT_EQ(count(lease.run_id, "retry"), 2);
    expect_sound_tape(lease.run_id);
}

TEST_P(advance_run_test, the_deadline_ends_a_run_wherever_it_stands) {
    run_request request;
    request.deadline = 10s;
    auto in_turn = start("one", request);
    EXPECT_EQ(advance(in_turn).deadline_at, time_.now() + 10s);
    time_.advance(10s);
    EXPECT_EQ(advance(in_turn, answered("too late")).state, run_state::failed);
    EXPECT_TRUE(get(in_turn.run_id).error->contains("deadline_exceeded"));
    EXPECT_EQ(count(in_turn.run_id, "provider_response"), 1); // it was paid for, and stands on the tape

    auto in_retry = start("two", request);
    advance(in_retry);
    advance(in_retry, failed("unavailable", true, 1h));
    time_.advance(9999ms);
    EXPECT_TRUE(claim().empty());
    time_.advance(1ms);
    EXPECT_EQ(advance(claim_one()).state, run_state::failed);

    add_node();
    auto waiting = start("three", request);
    ASSERT_EQ(ask_for(waiting, call("node__fs__write")).what, kind::released);
    auto const approval_id = open_approvals(waiting.run_id).at(0).approval_id;
    EXPECT_EQ(get(waiting.run_id).claimable_at, time_.now() + 10s);
    time_.advance(10s);
    EXPECT_EQ(advance(claim_one()).state, run_state::failed);
    EXPECT_TRUE(get(waiting.run_id).error->contains("deadline_exceeded"));
    EXPECT_EQ(get_approval(approval_id).state, approval_state::cancelled);
}

TEST_P(advance_run_test, a_cancelled_run_ends_whatever_its_turn_brought) {
    add_node();
    for (auto const& progress :
         {answered("done"), answered("", {call("node__fs__read")}), failed("cancelled", true), run_progress{}
         }) {
        auto lease = start();
        advance(lease);
        ASSERT_TRUE(cancel(lease.run_id));
        EXPECT_EQ(get(lease.run_id).state, run_state::running); // its owner ends it
        auto ended = advance(lease, progress);
        EXPECT_EQ(ended.what, kind::finished);
        EXPECT_EQ(ended.state, run_state::cancelled);
        EXPECT_EQ(last(lease.run_id, "status_change").at("reason"), "enough");
        EXPECT_EQ(count(lease.run_id, "tool_call"), 0);
        expect_sound_tape(lease.run_id);
    }
}

TEST_P(advance_run_test, a_run_that_nobody_works_on_is_cancelled_at_once) {
    auto accepted = queue().value;
    ASSERT_TRUE(cancel(accepted.run_id));
    EXPECT_EQ(get(accepted.run_id).state, run_state::cancelled);
    EXPECT_TRUE(claim().empty());

    auto in_retry = start();
    advance(in_retry);
    advance(in_retry, failed("unavailable", true, 1h));
    ASSERT_TRUE(cancel(in_retry.run_id));
    EXPECT_EQ(get(in_retry.run_id).state, run_state::cancelled);
    EXPECT_FALSE(get(in_retry.run_id).claimable_at);
}

TEST_P(advance_run_test, an_ended_run_takes_neither_input_nor_a_cancellation) {
    auto lease = start();
    advance(lease);
    advance(lease, answered("hi"));
    for (auto const& refused : {cancel(lease.run_id), tell(lease.run_id, "more")}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::wrong_state);
    }
    auto stranger =
        write([id = lease.run_id](transaction& tx) { return cancel_run(tx, id, {"eve", false}, ""); });
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().code, errc::not_found);
}

TEST_P(advance_run_test, input_while_the_model_answers_takes_another_turn_and_follows_the_answer) {
    auto lease = start("first");
    advance(lease);
    ASSERT_TRUE(tell(lease.run_id, "second"));
    auto next = advance(lease, answered("answer to the first"));
    ASSERT_EQ(next.what, kind::turn);
    strings spoken;
    for (auto const& m : next.request.messages) spoken.push_back(m.role + ": " + m.text);
    EXPECT_EQ(spoken, (strings{"user: first", "assistant: answer to the first", "user: second"}));
    EXPECT_EQ(advance(lease, answered("answer to the second")).what, kind::finished);
    EXPECT_EQ(count(lease.run_id, "input"), 2);
    EXPECT_EQ(get(lease.run_id).output, "answer to the first\nanswer to the second");
}

TEST_P(advance_run_test, input_while_tools_work_does_not_come_between_a_call_and_its_output) {
    add_node();
    auto lease = start("first");
    ASSERT_EQ(ask_for(lease, call("node__fs__read")).what, kind::work);
    ASSERT_TRUE(tell(lease.run_id, "second"));
    run_progress still;
    still.in_flight = {1};
    ASSERT_EQ(advance(lease, still).what, kind::work);
    EXPECT_EQ(count(lease.run_id, "input"), 2);
    auto next = advance(lease, done(1, "read"));
    ASSERT_EQ(next.what, kind::turn);
    strings roles;
    for (auto const& m : next.request.messages) roles.push_back(m.role);
    EXPECT_EQ(roles, (strings{"user", "assistant", "tool", "user"}));
}

TEST_P(advance_run_test, turns_tokens_and_time_are_budgets) {
    struct {
        char const* budgets;
        std::int64_t max_turns;
        char const* says;
    } const cases[]{
        {"{}", 1, "1 turns"},
        {R"({"input_tokens":3})", 64, "input tokens"},
        {R"({"output_tokens":5})", 64, "output tokens"},
        {R"({"total_tokens":8})", 64, "tokens"},
        {R"({"duration_ms":1000})", 64, "time"},
    };
    for (auto const& c : cases) {
        change_default_agent([&](agent& a) {
            a.budgets = c.budgets;
            a.max_turns = c.max_turns;
        });
        auto lease = start();
        ASSERT_EQ(advance(lease).what, kind::turn) << c.budgets;
        tell(lease.run_id, "go on");
        time_.advance(1s);
        EXPECT_EQ(advance(lease, answered("one")).state, run_state::failed) << c.budgets;
        EXPECT_NE(get(lease.run_id).error->find(c.says), std::string::npos) << *get(lease.run_id).error;
        EXPECT_EQ(count(lease.run_id, "provider_request"), 1);
    }
}

TEST_P(advance_run_test, a_run_of_a_deleted_agent_fails_with_a_reason) {
    auto lease = start();
    write([](transaction& tx) { tx.agents().remove("default"); });
    EXPECT_EQ(advance(lease).state, run_state::failed);
    EXPECT_TRUE(get(lease.run_id).error->contains("default"));
}

} // namespace
} // namespace gatehouse::core
