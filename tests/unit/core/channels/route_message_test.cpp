#include "core/channels/route_message.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

class route_message_test : public run_fixture {
  protected:
    static inbound_message message(std::string id, std::string text = "hello") {
        inbound_message m;
        m.principal = "ada";
        m.channel = "chat";
        m.conversation = "room 1";
        m.sender = "grace";
        m.message_id = std::move(id);
        m.input = {{"text", std::move(text)}};
        return m;
    }
    routing route(inbound_message const& m) {
        auto routed = write([m, s = settings_](transaction& tx) { return route_message(tx, m, s); });
        if (!routed) throw std::runtime_error(routed.error().message);
        return *routed;
    }
    session session_of(routing const& r) {
        return read([id = r.value.session_id](snapshot& view) { return *view.sessions().find(id); });
    }
    void set_mode(routing const& r, session_mode mode) {
        write([id = r.value.session_id, mode](transaction& tx) {
            auto s = *tx.sessions().find(id);
            s.mode = mode;
            tx.sessions().save(s);
        });
    }
    // A routed run that waits for a person.
    routing wait_for_person() {
        add_node();
        auto first = route(message("1"));
        auto lease = claim_one();
        ask_for(lease, call("node__fs__wipe"));
        EXPECT_EQ(get(lease.run_id).state, run_state::waiting);
        return first;
    }
};
ON_BOTH_STORES(route_message_test);

TEST_P(route_message_test, a_conversation_is_a_session_and_its_messages_are_runs) {
    auto first = route(message("1", "one"));
    ASSERT_TRUE(first.started);
    EXPECT_EQ(session_of(first).session_key, "channel:chat:room 1");
    EXPECT_EQ(session_of(first).mode, session_mode::queue);
    auto second = route(message("2", "two"));
    EXPECT_EQ(second.value.session_id, first.value.session_id);
    EXPECT_EQ(second.value.blocked_by_run, first.value.run_id);
    auto elsewhere = message("3");
    elsewhere.conversation = "room 2";
    EXPECT_NE(route(elsewhere).value.session_id, first.value.session_id);
}

TEST_P(route_message_test, who_wrote_stands_on_the_tape_and_in_the_history) {
    auto routed = route(message("1"));
    boost::json::value const origin{
        {"channel", "chat"}, {"conversation", "room 1"}, {"sender", "grace"}, {"message_id", "1"}
    };
    EXPECT_EQ(last(routed.value.run_id, "input").at("origin"), origin);
    auto turn = advance(claim_one());
    EXPECT_EQ(turn.request.messages.at(0).text, "hello");
    auto history = read([id = routed.value.session_id](snapshot& view) {
        return view.sessions().latest_messages(id, 10);
    });
    EXPECT_EQ(parse_own_json(history.at(0).extra).as_object().at("origin"), origin);
}

TEST_P(route_message_test, a_message_that_comes_again_is_answered_with_what_came_of_the_first) {
    auto first = route(message("1"));
    auto second = route(message("2"));
    auto again = message("2", "another text");
    again.conversation = "another room";
    auto repeated = route(again);
    EXPECT_FALSE(repeated.started);
    EXPECT_EQ(repeated.value.run_id, second.value.run_id);
    EXPECT_EQ(repeated.value.session_id, second.value.session_id);
    EXPECT_EQ(repeated.value.blocked_by_run, first.value.run_id);
    EXPECT_EQ(read([](snapshot& view) { return view.runs().list({}); }).size(), 2);

    auto other_channel = message("2");
    other_channel.channel = "mail";
    EXPECT_TRUE(route(other_channel).started);
    auto other_principal = message("2");
    other_principal.principal = "bob";
    EXPECT_TRUE(route(other_principal).started);
}

TEST_P(route_message_test, a_message_that_could_not_be_routed_is_new_when_it_comes_again) {
    failures_.fail_at(3);
    EXPECT_ANY_THROW(route(message("1")));
    failures_.heal();
    EXPECT_TRUE(route(message("1")).started);
}

TEST_P(route_message_test, a_waiting_run_blocks_the_message_in_mode_queue) {
    auto first = wait_for_person();
    auto const open = open_approvals(first.value.run_id).at(0).approval_id;
    auto second = route(message("2"));
    EXPECT_EQ(second.value.blocked_by_run, first.value.run_id);
    EXPECT_EQ(second.value.blocked_by_approval, open);
    EXPECT_EQ(get(second.value.run_id).state, run_state::accepted);
    ASSERT_TRUE(decide_on(open, "deny"));
    auto lease = claim_one();
    ASSERT_EQ(lease.run_id, first.value.run_id);
    advance(lease);
    advance(lease, answered("done"));
    EXPECT_EQ(claim_one().run_id, second.value.run_id);
}

TEST_P(route_message_test, a_message_in_mode_steer_denies_the_call_and_stands_behind_the_run) {
    auto first = wait_for_person();
    set_mode(first, session_mode::steer);
    auto const open = open_approvals(first.value.run_id).at(0).approval_id;
    auto second = route(message("2", "rather not"));
    EXPECT_EQ(get_approval(open).state, approval_state::denied);
    EXPECT_EQ(get_approval(open).reason, "rather not");
    EXPECT_EQ(second.value.blocked_by_run, first.value.run_id);
    EXPECT_FALSE(second.value.blocked_by_approval);
    // The run goes on with it; the message itself is next.
    auto lease = claim_one();
    ASSERT_EQ(lease.run_id, first.value.run_id);
    auto turn = advance(lease);
    EXPECT_NE(turn.request.messages.back().text.find("rather not"), std::string::npos);
    advance(lease, answered("as you wish"));
    lease = claim_one();
    EXPECT_EQ(lease.run_id, second.value.run_id);
    EXPECT_EQ(advance(lease).request.messages.back().text, "rather not");
}

TEST_P(route_message_test, a_message_in_mode_interrupt_ends_the_waiting_run_and_its_question) {
    auto first = wait_for_person();
    set_mode(first, session_mode::interrupt);
    auto const open = open_approvals(first.value.run_id).at(0).approval_id;
    auto second = route(message("2"));
    EXPECT_EQ(get(first.value.run_id).state, run_state::cancelled);
    EXPECT_EQ(get_approval(open).state, approval_state::cancelled);
    EXPECT_FALSE(second.value.blocked_by_run);
    expect_sound_tape(first.value.run_id);
    EXPECT_EQ(claim_one().run_id, second.value.run_id);
}

TEST_P(route_message_test, a_run_that_waited_behind_the_interrupted_one_keeps_its_place) {
    auto first = wait_for_person();
    auto second = route(message("2"));
    set_mode(first, session_mode::interrupt);
    auto third = route(message("3"));
    EXPECT_EQ(third.value.blocked_by_run, second.value.run_id);
    EXPECT_EQ(claim_one().run_id, second.value.run_id);
}

TEST_P(route_message_test, no_mode_touches_a_run_that_works) {
    auto first = route(message("1"));
    auto lease = claim_one();
    advance(lease);
    for (auto const mode : {session_mode::queue, session_mode::steer, session_mode::interrupt}) {
        set_mode(first, mode);
        auto next = route(message("mode " + std::to_string(static_cast<int>(mode))));
        EXPECT_EQ(next.value.blocked_by_run, first.value.run_id);
        EXPECT_FALSE(next.value.blocked_by_approval);
        EXPECT_EQ(get(first.value.run_id).state, run_state::running);
        EXPECT_FALSE(get(first.value.run_id).cancel_reason);
        EXPECT_EQ(get(next.value.run_id).state, run_state::accepted);
    }
    EXPECT_EQ(advance(lease, answered("done")).what, kind::finished);
}

TEST_P(route_message_test, a_question_beside_a_call_that_is_under_way_gives_way_too) {
    add_node();
    auto first = route(message("1"));
    auto lease = claim_one();
    advance(lease);
    advance(lease, answered("", {call("node__fs__read"), call("node__fs__write", {}, "c2")}));
    ASSERT_EQ(get(lease.run_id).state, run_state::running);
    auto const open = open_approvals(lease.run_id).at(0).approval_id;
    EXPECT_EQ(route(message("2")).value.blocked_by_approval, open);
    set_mode(first, session_mode::steer);
    EXPECT_FALSE(route(message("3", "rather not")).value.blocked_by_approval);
    EXPECT_EQ(get_approval(open).state, approval_state::denied);
    EXPECT_EQ(get_approval(open).reason, "rather not");
    EXPECT_EQ(advance(lease, done(1, "read")).what, kind::turn);
}

TEST_P(route_message_test, a_question_about_an_outcome_is_not_answered_by_a_message) {
    set_rules(R"([{"effect":"allow","tool":"node__*"}])");
    add_node();
    auto first = route(message("1"));
    auto lease = claim_one();
    ask_for(lease, call("node__fs__write"));
    advance(lease, unknown(1));
    ASSERT_EQ(get(lease.run_id).state, run_state::waiting);
    auto const open = open_approvals(lease.run_id).at(0).approval_id;
    set_mode(first, session_mode::steer);
    auto second = route(message("2"));
    EXPECT_EQ(get_approval(open).state, approval_state::pending);
    EXPECT_EQ(second.value.blocked_by_approval, open);
}

TEST_P(route_message_test, a_long_conversation_stands_in_the_key_by_its_digest) {
    auto const key = session_key_of("chat", std::string(1'000, 'x'));
    EXPECT_EQ(key.size(), std::string("channel:chat:sha256:").size() + 64);
    EXPECT_TRUE(key.starts_with("channel:chat:sha256:"));
    EXPECT_NE(key, session_key_of("chat", std::string(999, 'x')));
}

} // namespace
} // namespace gatehouse::core
