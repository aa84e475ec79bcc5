#include "core/runs/start_run.hpp"

#include "core/runs/run_machine.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

#include <algorithm>

namespace gatehouse::core {
namespace {

class start_run_test : public run_fixture {
  protected:
    // At most one run of the session is at work, waiting or claimable, and it is the oldest that is
    // unfinished.
    void expect_one_at_a_time(std::string const& session_id) {
        run_filter filter;
        filter.session_id = session_id;
        auto runs = read([filter](snapshot& view) { return view.runs().list(filter); });
        std::ranges::sort(runs, {}, &run::ordinal);
        bool head_seen = false;
        for (auto const& r : runs) {
            if (is_terminal(r.state)) {
                EXPECT_FALSE(head_seen && r.state != run_state::cancelled)
                    << "run " << r.ordinal << " overtook another one";
                continue;
            }
            bool active = r.state != run_state::accepted || r.claimable_at || r.lease_owner;
            EXPECT_EQ(active, !head_seen) << "run " << r.ordinal;
            head_seen = true;
        }
    }
};
ON_BOTH_STORES(start_run_test);

TEST_P(start_run_test, runs_of_a_session_work_one_after_another_in_the_order_of_their_acceptance) {
    auto first = start("one");
    std::vector<std::string> blocked;
    for (auto const* text : {"two", "three", "four"}) {
        auto next = queue(text);
        ASSERT_TRUE(next.blocked);
        EXPECT_EQ(next.blocked->run_id, first.run_id);
        EXPECT_FALSE(next.value.claimable_at);
        blocked.push_back(next.value.run_id);
    }
    EXPECT_TRUE(claim().empty());
    auto lease = first;
    for (auto const& next_id : blocked) {
        expect_one_at_a_time(first.session_id);
        ASSERT_EQ(advance(lease).what, run_action::kind::turn);
        ASSERT_EQ(advance(lease, answered("done")).what, run_action::kind::finished);
        expect_one_at_a_time(first.session_id);
        lease = claim_one();
        EXPECT_EQ(lease.run_id, next_id);
    }
    ASSERT_EQ(advance(lease).what, run_action::kind::turn);
    EXPECT_EQ(advance(lease, answered("done")).request.messages.size(), 0);
    EXPECT_TRUE(claim().empty());
}

TEST_P(start_run_test, the_next_run_begins_whatever_way_the_one_before_it_ended) {
    add_node();
    auto end = [&](std::string const& how, run_lease const& lease) {
        advance(lease);
        if (how == "succeeded") advance(lease, answered("done"));
        if (how == "failed") advance(lease, failed("rejected", false));
        if (how == "cancelled") {
            cancel(lease.run_id);
            advance(lease);
        }
        if (how == "cancelled while waiting") {
            advance(lease, answered("", {call("node__fs__wipe")}));
            cancel(lease.run_id);
        }
        if (how == "cancelled before its retry") {
            advance(lease, failed("unavailable", true, std::chrono::hours(1)));
            cancel(lease.run_id);
        }
    };
    auto lease = start("one");
    for (auto const* how :
         {"succeeded", "failed", "cancelled", "cancelled while waiting", "cancelled before its retry"}) {
        auto next = queue(how);
        ASSERT_TRUE(next.blocked) << how;
        end(how, lease);
        EXPECT_TRUE(is_terminal(get(lease.run_id).state)) << how;
        expect_sound_tape(lease.run_id);
        lease = claim_one();
        EXPECT_EQ(lease.run_id, next.value.run_id) << how;
    }
}

TEST_P(start_run_test, a_blocked_run_that_is_cancelled_lets_the_order_stand) {
    auto first = start("one");
    auto second = queue("two");
    auto third = queue("three");
    ASSERT_TRUE(cancel(second.value.run_id));
    expect_one_at_a_time(first.session_id);
    EXPECT_TRUE(claim().empty());
    advance(first);
    advance(first, answered("done"));
    EXPECT_EQ(claim_one().run_id, third.value.run_id);
}

TEST_P(start_run_test, the_store_itself_refuses_two_runs_of_a_session_at_once) {
    auto first = start("one");
    auto second = queue("two").value;
    for (auto const change :
         {+[](run& r) { r.claimable_at = r.created_at; }, +[](run& r) { r.lease_owner = "me"; },
          +[](run& r) { r.state = run_state::running; }, +[](run& r) { r.state = run_state::waiting; }}) {
        auto overlapping = second;
        change(overlapping);
        EXPECT_ANY_THROW(write([overlapping](transaction& tx) { tx.runs().save(overlapping); }));
    }
    expect_one_at_a_time(first.session_id);
}

TEST_P(start_run_test, who_has_a_slot_gets_the_first_turn_with_the_acceptance) {
    run_request request;
    request.claim_for = settings_.instance_id;
    auto started = try_start("hello", request);
    ASSERT_TRUE(started && started->first);
    ASSERT_EQ(started->first->what, run_action::kind::turn);
    EXPECT_EQ(started->first->turn, 1);
    ASSERT_EQ(started->first->request.messages.size(), 1);
    EXPECT_EQ(started->first->request.messages[0].text, "hello");
    EXPECT_EQ(started->value.state, run_state::running);
    run_lease const lease{started->value.run_id, started->value.session_id, 1};
    EXPECT_EQ(count(lease.run_id, "provider_request"), 1);
    EXPECT_TRUE(claim().empty());
    EXPECT_EQ(advance(lease, answered("hi")).what, run_action::kind::finished);
    EXPECT_EQ(get(lease.run_id).state, run_state::succeeded);
    expect_sound_tape(lease.run_id);

    auto second = try_start("once more", request);
    ASSERT_TRUE(second && second->first);
    EXPECT_EQ(second->first->request.messages.size(), 3);
    auto blocked = try_start("and again", request);
    EXPECT_FALSE(blocked->first);
    EXPECT_EQ(blocked->blocked->run_id, second->value.run_id);
}

TEST_P(start_run_test, a_run_whose_agent_may_do_nothing_fails_as_it_starts) {
    write([](transaction& tx) {
        auto as = *tx.agents().find("default");
        as.budgets = R"({"input_tokens":0})";
        tx.agents().put(as);
    });
    run_request request;
    request.claim_for = settings_.instance_id;
    auto started = try_start("hello", request);
    ASSERT_TRUE(started && started->first);
    EXPECT_EQ(started->first->what, run_action::kind::finished);
    EXPECT_EQ(get(started->value.run_id).state, run_state::failed);
    expect_sound_tape(started->value.run_id);
    EXPECT_FALSE(try_start("next", {})->blocked);
}

TEST_P(start_run_test, other_sessions_are_not_in_the_way) {
    auto first = start("one");
    run_request other;
    other.session_key = "other";
    auto second = start("two", other);
    EXPECT_NE(first.session_id, second.session_id);
    EXPECT_EQ(advance(first).what, run_action::kind::turn);
    EXPECT_EQ(advance(second).what, run_action::kind::turn);
}

TEST_P(start_run_test, a_blocked_run_names_the_approval_it_waits_behind) {
    add_node();
    auto lease = start();
    ask_for(lease, call("node__fs__write"));
    auto const open = open_approvals(lease.run_id);
    ASSERT_EQ(open.size(), 1);
    EXPECT_EQ(queue("two").blocked->approval_id, open[0].approval_id);
}

TEST_P(start_run_test, a_queued_run_says_what_it_was_told_once_it_begins) {
    start("one");
    auto second = queue("two").value;
    auto messages = [&] {
        return read([id = second.session_id](snapshot& view) {
            return view.sessions().latest_messages(id, 10);
        });
    };
    EXPECT_EQ(messages().size(), 1);
    run_request elsewhere;
    elsewhere.session_key = "elsewhere";
    auto queued = queue("three", elsewhere).value;
    auto lease = claim_one();
    EXPECT_EQ(lease.run_id, queued.run_id);
    auto first_turn = advance(lease);
    ASSERT_EQ(first_turn.request.messages.size(), 1);
    EXPECT_EQ(first_turn.request.messages[0].text, "three");
    EXPECT_EQ(last(queued.run_id, "lease").at("reason"), "start");
}

TEST_P(start_run_test, an_unknown_agent_or_session_is_not_found_and_leaves_nothing) {
    run_request bad_agent;
    bad_agent.agent = "nobody";
    run_request bad_session;
    bad_session.session_id = "ses_unknown";
    for (auto const& request : {bad_agent, bad_session}) {
        auto refused = try_start("hello", request);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::not_found);
    }
    EXPECT_TRUE(read([](snapshot& view) { return view.runs().list({}); }).empty());
}

TEST_P(start_run_test, no_more_runs_are_claimed_than_asked_for_and_none_twice) {
    for (int i = 0; i < 5; ++i) {
        run_request request;
        request.session_key = "session " + std::to_string(i);
        queue("hello", request);
    }
    EXPECT_EQ(claim(2).size(), 2);
    EXPECT_EQ(claim(2).size(), 2);
    EXPECT_EQ(claim(2).size(), 1);
    EXPECT_TRUE(claim(2).empty());
    EXPECT_EQ(read([](snapshot& view) { return view.runs().count_by_state(); })[run_state::running], 5);
}

} // namespace
} // namespace gatehouse::core
