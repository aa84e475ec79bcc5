#include "core/runs/fork_run.hpp"

#include "core/sessions/delete_session.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

#include <set>

namespace gatehouse::core {
namespace {

class fork_run_test : public run_fixture {
  protected:
    result<run> try_fork(std::string const& run_id, std::int64_t at_seq, actor const& who = {"ada", false}) {
        return write([=](transaction& tx) { return fork_run(tx, run_id, at_seq, who); });
    }
    run fork(std::string const& run_id, std::int64_t at_seq) {
        auto made = try_fork(run_id, at_seq);
        if (!made) throw std::runtime_error(made.error().message);
        return *made;
    }
    // At the newest item of that kind.
    run fork_at(std::string const& run_id, std::string const& item_kind) {
        std::int64_t at_seq = 0;
        for (auto const& item : tape(run_id))
            if (item.kind == item_kind) at_seq = item.seq;
        return fork(run_id, at_seq);
    }
    run fork_at_end(std::string const& run_id) { return fork(run_id, get(run_id).tape_seq); }

    // Claims the fork, the only run that is due, and asks for its next turn.
    run_action ask(run const& fork) {
        lease_ = claim_one();
        EXPECT_EQ(lease_.run_id, fork.run_id);
        auto action = advance(lease_);
        EXPECT_EQ(action.what, kind::turn);
        return action;
    }
    // "user: hello", one a message.
    static std::vector<std::string> texts(run_action const& turn) {
        std::vector<std::string> out;
        for (auto const& m : turn.request.messages) {
            auto calls = m.tool_calls.empty() ? "" : " +" + std::to_string(m.tool_calls.size());
            out.push_back(m.role + ": " + m.text + calls);
        }
        return out;
    }
    void finish_fork() {
        EXPECT_EQ(advance(lease_, answered("the fork's answer")).what, kind::finished);
        EXPECT_EQ(get(lease_.run_id).state, run_state::succeeded);
        expect_sound_tape(lease_.run_id);
    }
    std::string key_of(run const& r) {
        return read([id = r.session_id](snapshot& view) { return view.sessions().find(id)->session_key; });
    }

    // Two turns with a call each, and an answer.
    std::string run_with_two_calls() {
        add_node();
        auto lease = start("do it");
        ask_for(lease, call("node__fs__read", {{"path", "a"}}));
        advance(lease, done(1, "first output"));
        advance(lease, answered("half way", {call("node__fs__read", {{"path", "b"}}, "c2")}));
        advance(lease, done(2, "second output"));
        advance(lease, answered("the answer"));
        EXPECT_EQ(get(lease.run_id).state, run_state::succeeded);
        return lease.run_id;
    }

    run_lease lease_;
};
ON_BOTH_STORES(fork_run_test);

using lines = std::vector<std::string>;

TEST_P(fork_run_test, every_item_is_a_point_to_fork_at_and_the_fork_goes_on_from_it) {
    auto const source = run_with_two_calls();
    auto const items = tape(source);
    for (auto const& at : items) {
        SCOPED_TRACE(std::to_string(at.seq) + " " + at.kind);
        auto made = fork(source, at.seq);
        EXPECT_EQ(made.state, run_state::accepted);
        auto copy = tape(made.run_id);
        for (std::int64_t i = 0; i < at.seq; ++i) EXPECT_EQ(copy[i].hash, items[i].hash);
        EXPECT_EQ(copy[at.seq].kind, "note");
        expect_sound_tape(made.run_id);
        auto turn = ask(made);
        auto const said = texts(turn);
        EXPECT_EQ(said.front(), "user: do it");
        // Every provider takes a conversation that ends like this, and every call has its output.
        EXPECT_NE(turn.request.messages.back().role, "assistant");
        EXPECT_EQ(last(made.run_id, "provider_request").at("messages").as_array().size(), said.size());
        for (auto const& line : said) EXPECT_EQ(line.find("The run ended before"), std::string::npos);
        finish_fork();
        std::set<std::string> turns;
        for (auto const& item : tape(made.run_id)) {
            if (item.kind != "provider_response") continue;
            auto payload = parse_own_json(item.payload).as_object();
            EXPECT_TRUE(turns.emplace(payload.at("step_id").as_string()).second);
        }
    }
    EXPECT_EQ(tape(source).size(), items.size());
    expect_sound_tape(source);
}

TEST_P(fork_run_test, a_finished_run_gives_its_last_answer_anew) {
    auto made = fork_at_end(run_with_two_calls());
    EXPECT_EQ(made.output, "half way");
    EXPECT_EQ(made.turn, 3);
    EXPECT_EQ(made.steps, 2);
    EXPECT_EQ(made.usage.output_tokens, 15);
    EXPECT_EQ(
        texts(ask(made)), (lines{
                              "user: do it", "assistant:  +1", R"(tool: "first output")",
                              "assistant: half way +1", R"(tool: "second output")"
                          })
    );
    finish_fork();
    EXPECT_EQ(get(made.run_id).output, "half way\nthe fork's answer");
}

TEST_P(fork_run_test, the_model_sees_byte_for_byte_what_it_saw) {
    add_node();
    auto source = start();
    ask_for(source, call("node__fs__read", {{"z", 1}, {"a", 2}}));
    auto before = advance(source, done(1, {{"zebra", 1.5}, {"ant", 1}}));
    ASSERT_EQ(before.what, kind::turn);
    auto after = ask(fork_at_end(source.run_id));
    ASSERT_EQ(after.request.messages.size(), before.request.messages.size());
    EXPECT_EQ(texts(after), texts(before));
    EXPECT_EQ(
        boost::json::serialize(after.request.messages[1].tool_calls[0].arguments),
        boost::json::serialize(before.request.messages[1].tool_calls[0].arguments)
    );
}

TEST_P(fork_run_test, a_turn_that_was_under_way_is_taken_anew_with_its_calls) {
    add_node();
    auto source = start();
    advance(source);
    advance(source, answered("", {call("node__fs__read"), call("node__fs__write", {}, "c2")}));
    advance(source, done(1, "read"));
    ASSERT_EQ(get(source.run_id).state, run_state::waiting);
    auto const asked = open_approvals(source.run_id).at(0);

    auto made = fork_at_end(source.run_id);
    EXPECT_EQ(texts(ask(made)), lines{"user: hello"});
    EXPECT_EQ(advance(lease_, answered("", {call("node__fs__write")})).what, kind::released);
    auto const anew = open_approvals(made.run_id).at(0);
    EXPECT_NE(anew.subject_hash, asked.subject_hash);
    EXPECT_EQ(get_step(made.run_id, 3).idempotency_key, made.run_id + ":3:1");
    // What is decided about one says nothing about the other.
    ASSERT_TRUE(decide_on(asked.approval_id, "approve"));
    EXPECT_EQ(get(made.run_id).state, run_state::waiting);
    EXPECT_EQ(open_approvals(made.run_id).size(), 1);
    expect_sound_tape(source.run_id);
    expect_sound_tape(made.run_id);
}

TEST_P(fork_run_test, runs_in_every_other_state_can_be_forked) {
    auto running = start("one");
    advance(running);
    auto queued = queue("two").value;
    auto of_running = fork_at_end(running.run_id);
    EXPECT_EQ(texts(ask(of_running)), lines{"user: one"});
    finish_fork();
    auto of_queued = fork_at_end(queued.run_id);
    EXPECT_EQ(texts(ask(of_queued)), (lines{"user: one", "user: two"}));
    finish_fork();

    advance(running, failed("rejected", false));
    ASSERT_EQ(get(running.run_id).state, run_state::failed);
    auto of_failed = fork_at_end(running.run_id);
    EXPECT_FALSE(of_failed.error);
    cancel(queued.run_id);
    EXPECT_EQ(texts(ask(of_failed)), lines{"user: one"});
    finish_fork();
    auto of_cancelled = fork_at_end(queued.run_id);
    EXPECT_EQ(texts(ask(of_cancelled)), (lines{"user: one", "user: two"}));
    finish_fork();
}

TEST_P(fork_run_test, earlier_runs_of_the_session_belong_to_the_conversation_and_later_ones_do_not) {
    for (std::string const text : {"one", "two", "three"}) {
        auto lease = start(text);
        advance(lease);
        advance(lease, answered("answer " + text));
        if (text == "two") lease_ = lease;
    }
    auto made = fork_at_end(lease_.run_id);
    EXPECT_EQ(texts(ask(made)), (lines{"user: one", "assistant: answer one", "user: two"}));
    finish_fork();
    // The fork's session goes on like any other.
    run_request next;
    next.session_key = "main~fork-1";
    lease_ = start("and now?", next);
    EXPECT_EQ(advance(lease_).request.messages.size(), 5);
}

TEST_P(fork_run_test, messages_given_to_the_run_count_from_the_item_they_stand_at) {
    auto source = start("hello");
    advance(source);
    ASSERT_TRUE(tell(source.run_id, "by the way"));
    advance(source, answered("first"));
    advance(source, answered("second"));
    ASSERT_EQ(get(source.run_id).state, run_state::succeeded);
    EXPECT_EQ(texts(ask(fork_at(source.run_id, "input"))), (lines{"user: hello", "user: by the way"}));
    finish_fork();
    EXPECT_EQ(
        texts(ask(fork_at_end(source.run_id))), (lines{"user: hello", "assistant: first", "user: by the way"})
    );
    finish_fork();
    EXPECT_EQ(texts(ask(fork(source.run_id, 3))), lines{"user: hello"});
}

TEST_P(fork_run_test, forks_of_one_run_and_forks_of_forks_have_keys_of_their_own) {
    auto const source = run_with_two_calls();
    auto first = fork_at_end(source);
    EXPECT_EQ(key_of(first), "main~fork-1");
    ask(first);
    finish_fork();
    auto second = fork_at(source, "tool_output");
    EXPECT_EQ(key_of(second), "main~fork-2");
    ask(second);
    finish_fork();
    auto nested = fork_at_end(first.run_id);
    EXPECT_EQ(key_of(nested), "main~fork-1~fork-1");
    EXPECT_EQ(nested.turn, 4);
    EXPECT_EQ(texts(ask(nested)).size(), 5);
    finish_fork();
    EXPECT_EQ(count(nested.run_id, "note"), 2);
    EXPECT_EQ(get(nested.run_id).output, "half way\nthe fork's answer");
}

TEST_P(fork_run_test, a_key_that_leaves_no_room_for_the_suffix_is_cut_between_two_characters) {
    run_request request;
    for (int i = 0; i < 256; ++i) request.session_key = request.session_key.value_or("") + "\u00e9";
    auto made = fork_at_end(start("hello", request).run_id);
    auto key = key_of(made);
    EXPECT_EQ(key.size(), 249 * 2 + 7);
    EXPECT_TRUE(key.ends_with("\u00e9~fork-1"));
}

TEST_P(fork_run_test, a_run_whose_source_was_deleted_goes_on) {
    auto const source = run_with_two_calls();
    auto made = fork_at_end(source);
    ASSERT_TRUE(write([id = get(source).session_id](transaction& tx) {
        return delete_session(tx, id, {"ada", false});
    }));
    expect_sound_tape(made.run_id);
    EXPECT_EQ(texts(ask(made)).size(), 5);
    finish_fork();
}

TEST_P(fork_run_test, a_fork_whose_owner_died_is_taken_up_where_it_was) {
    auto made = fork_at_end(run_with_two_calls());
    auto const before = texts(ask(made));
    lose_owner();
    EXPECT_EQ(texts(ask(made)), before);
    EXPECT_EQ(last(made.run_id, "lease").at("reason"), "takeover");
    finish_fork();
}

TEST_P(fork_run_test, only_who_sees_the_run_can_fork_it_and_the_fork_is_its_principals) {
    auto const source = start().run_id;
    EXPECT_EQ(try_fork(source, 1, {"bob", false}).error().code, errc::not_found);
    EXPECT_EQ(try_fork("run_none", 1).error().code, errc::not_found);
    auto by_admin = try_fork(source, 1, {"root", true});
    ASSERT_TRUE(by_admin);
    EXPECT_EQ(by_admin->principal, "ada");
    auto beyond = try_fork(source, get(source).tape_seq + 1);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, errc::invalid_params);
    EXPECT_EQ(beyond.error().details.at(0).at("path"), "/at_seq");
}

} // namespace
} // namespace gatehouse::core
