#include "tests/unit/app/methods/method_fixture.hpp"

#include <fmt/format.h>

#include <set>

namespace gatehouse::testing {
namespace {

class runs_and_sessions_test : public method_fixture {
  protected:
    std::string start_run(std::string_view key) {
        return text(
            must("run.start", fmt::format(R"({{"session_key":"{}","input":{{"text":"hi"}}}})", key)), "run_id"
        );
    }
};
ON_BOTH_STORES(runs_and_sessions_test);

TEST_P(runs_and_sessions_test, bad_input_is_refused) {
    struct refusal {
        char const* method;
        char const* params;
        errc code;
    };
    static constexpr std::array table{
        refusal{"run.start", R"({"input":{}})", errc::invalid_params},
        refusal{"run.start", R"({"input":{"text":"x"},"session_id":"ses_none"})", errc::not_found},
        refusal{"run.start", R"({"input":{"text":"x"},"agent":"nobody"})", errc::not_found},
        refusal{
            "run.start",
            R"({"input":{"text":"x","attachments":[{"artifact_id":"art_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}})",
            errc::not_found
        },
        refusal{"run.get", R"({"run_id":"run_none"})", errc::not_found},
        refusal{"run.input", R"({"run_id":"run_none","text":"x"})", errc::not_found},
        refusal{"run.tape", R"({"run_id":"run_none"})", errc::not_found},
        refusal{"run.verify", R"({"run_id":"run_none"})", errc::not_found},
        refusal{"run.subscribe", R"({"run_id":"run_none"})", errc::not_found},
        refusal{"run.list", R"({"session_id":"ses_none"})", errc::not_found},
        refusal{"run.list", R"({"limit":0})", errc::invalid_params},
        refusal{"run.list", R"({"state":"asleep"})", errc::invalid_params},
        refusal{"session.get", R"({"session_id":"ses_none"})", errc::not_found},
        refusal{"session.get", R"({})", errc::invalid_params},
        refusal{"session.resolve", R"({"session_key":"k","create":false})", errc::not_found},
        refusal{"session.resolve", R"({"session_key":"k","mode":"loud"})", errc::invalid_params},
        refusal{"session.delete", R"({"session_id":"ses_none"})", errc::not_found},
        refusal{"session.history", R"({"session_id":"ses_none"})", errc::not_found},
        refusal{"approval.get", R"({"approval_id":"app_none"})", errc::not_found},
        refusal{"approval.resolve", R"({"approval_id":"app_none","decision":"approve"})", errc::not_found},
        refusal{
            "artifact.get", R"({"artifact_id":"art_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})",
            errc::not_found
        },
        refusal{"grant.revoke", R"({"grant_id":"grt_none"})", errc::not_found},
        refusal{"agent.get", R"({"name":"nobody"})", errc::not_found},
        refusal{"agent.put", R"({"name":"a","model":"demo"})", errc::forbidden},
        refusal{"no.such", R"({})", errc::method_not_found},
        refusal{"connect", R"({"protocol":1,"role":"client"})", errc::invalid_request},
    };
    for (auto const& [method, params, code] : table) {
        SCOPED_TRACE(std::string(method) + params);
        EXPECT_EQ(code, code_of(method, params));
    }
}

TEST_P(runs_and_sessions_test, the_same_key_starts_one_run) {
    constexpr char const* params = R"({"session_key":"s","input":{"text":"hi"},"idempotency_key":"k"})";
    auto first = must("run.start", params);
    EXPECT_EQ("accepted", text(first, "state"));
    EXPECT_EQ(first, must("run.start", params));
    EXPECT_EQ(1u, must("run.list", "{}").at("items").as_array().size());
    EXPECT_EQ(
        errc::idempotency_mismatch,
        code_of("run.start", R"({"session_key":"s","input":{"text":"ho"},"idempotency_key":"k"})")
    );
    // Another principal's key is another key.
    EXPECT_NE(first, must("run.start", params, bob()));
}

TEST_P(runs_and_sessions_test, a_run_behind_another_says_what_blocks_it) {
    auto first = start_run("s");
    auto second = must("run.start", R"({"session_key":"s","input":{"text":"hi"}})");
    EXPECT_EQ(json::value({{"run_id", first}}), second.at("blocked_by"));
}

TEST_P(runs_and_sessions_test, other_principals_things_are_not_found_and_an_admin_sees_all) {
    auto run_id = start_run("s");
    auto session_id = text(must("session.resolve", R"({"session_key":"s"})"), "session_id");
    auto run = fmt::format(R"({{"run_id":"{}"}})", run_id);
    auto session = fmt::format(R"({{"session_id":"{}"}})", session_id);
    for (auto const* method : {"run.get", "run.tape", "run.verify", "run.cancel"}) {
        SCOPED_TRACE(method);
        EXPECT_EQ(errc::not_found, code_of(method, run, bob()));
    }
    for (auto const* method : {"session.get", "session.history", "session.delete", "run.list"}) {
        SCOPED_TRACE(method);
        EXPECT_EQ(errc::not_found, code_of(method, session, bob()));
    }
    EXPECT_TRUE(must("run.list", "{}", bob()).at("items").as_array().empty());
    EXPECT_TRUE(must("session.list", "{}", bob()).at("items").as_array().empty());
    EXPECT_EQ(1u, must("run.list", "{}", admin()).at("items").as_array().size());
    EXPECT_EQ(run_id, text(must("run.get", run, admin()), "run_id"));
}

TEST_P(runs_and_sessions_test, id_and_key_of_different_sessions_are_wrong_state) {
    auto session_id = text(must("session.resolve", R"({"session_key":"a"})"), "session_id");
    must("session.resolve", R"({"session_key":"b"})");
    EXPECT_EQ(
        errc::wrong_state,
        code_of("session.resolve", fmt::format(R"({{"session_id":"{}","session_key":"b"}})", session_id))
    );
}

TEST_P(runs_and_sessions_test, a_session_goes_only_when_its_runs_have_ended) {
    auto run_id = start_run("s");
    auto session_id = text(must("session.resolve", R"({"session_key":"s"})"), "session_id");
    auto session = fmt::format(R"({{"session_id":"{}"}})", session_id);
    EXPECT_EQ(errc::wrong_state, code_of("session.delete", session));
    auto cancel = fmt::format(R"({{"run_id":"{}"}})", run_id);
    EXPECT_EQ("cancelled", text(must("run.cancel", cancel), "state"));
    EXPECT_EQ(errc::wrong_state, code_of("run.cancel", cancel));
    EXPECT_EQ(
        errc::wrong_state, code_of("run.input", fmt::format(R"({{"run_id":"{}","text":"x"}})", run_id))
    );
    must("session.delete", session);
    EXPECT_EQ(errc::not_found, code_of("session.get", session));
    EXPECT_EQ(errc::not_found, code_of("run.get", cancel));
}

TEST_P(runs_and_sessions_test, lists_come_in_pages_to_the_end) {
    for (auto const* key : {"a", "b", "c", "d", "e"})
        must("session.resolve", fmt::format(R"({{"session_key":"{}"}})", key));
    std::set<std::string> seen;
    std::string after;
    int pages = 0;
    for (bool more = true; more && pages < 10; ++pages) {
        auto page = must("session.list", fmt::format(R"({{"limit":2{}}})", after));
        for (auto const& each : page.at("items").as_array())
            seen.insert(text(each.as_object(), "session_key"));
        more = page.contains("next");
        if (more) after = fmt::format(R"(,"after":"{}")", text(page, "next"));
    }
    EXPECT_EQ(3, pages);
    EXPECT_EQ((std::set<std::string>{"a", "b", "c", "d", "e"}), seen);
}

TEST_P(runs_and_sessions_test, a_limit_over_the_maximum_is_clamped) {
    limits_.list_limit_max = 2;
    for (auto const* key : {"a", "b", "c"})
        must("session.resolve", fmt::format(R"({{"session_key":"{}"}})", key));
    auto page = must("session.list", R"({"limit":1000})");
    EXPECT_EQ(2u, page.at("items").as_array().size());
    EXPECT_TRUE(page.contains("next"));
}

TEST_P(runs_and_sessions_test, a_tape_is_read_page_by_page_and_verified) {
    auto run_id = start_run("s");
    must("run.cancel", fmt::format(R"({{"run_id":"{}"}})", run_id));
    std::vector<std::int64_t> seqs;
    std::int64_t after = 0;
    for (bool more = true; more;) {
        auto page =
            must("run.tape", fmt::format(R"({{"run_id":"{}","after_seq":{},"limit":1}})", run_id, after));
        for (auto const& item : page.at("items").as_array()) seqs.push_back(item.at("seq").as_int64());
        more = page.contains("next");
        if (more) after = page.at("next").as_int64();
    }
    auto verdict = must("run.verify", fmt::format(R"({{"run_id":"{}"}})", run_id));
    EXPECT_EQ(json::value(true), verdict.at("ok"));
    EXPECT_EQ(static_cast<std::int64_t>(seqs.size()), verdict.at("items").as_int64());
    for (std::size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(static_cast<std::int64_t>(i) + 1, seqs[i]);
}

TEST_P(runs_and_sessions_test, history_refuses_an_after_that_no_page_gave) {
    auto session_id = text(must("session.resolve", R"({"session_key":"s"})"), "session_id");
    for (auto const* after : {"x", "1x", "-1", "99999999999999999999"}) {
        SCOPED_TRACE(after);
        EXPECT_EQ(
            errc::invalid_params,
            code_of(
                "session.history", fmt::format(R"({{"session_id":"{}","after":"{}"}})", session_id, after)
            )
        );
    }
}

TEST_P(runs_and_sessions_test, an_agent_goes_only_when_nothing_needs_it) {
    constexpr char const* scribe = R"({"name":"scribe","model":"demo","budgets":{"total_tokens":1000}})";
    auto made = must("agent.put", scribe, admin());
    EXPECT_EQ(made, must("agent.get", R"({"name":"scribe"})"));
    EXPECT_EQ(errc::wrong_state, code_of("agent.delete", R"({"name":"default"})", admin()));
    EXPECT_EQ(errc::not_found, code_of("agent.delete", R"({"name":"nobody"})", admin()));
    auto run = must("run.start", R"({"agent":"scribe","input":{"text":"x"}})");
    EXPECT_EQ(errc::wrong_state, code_of("agent.delete", R"({"name":"scribe"})", admin()));
    must("run.cancel", fmt::format(R"({{"run_id":"{}"}})", text(run, "run_id")));
    must("agent.delete", R"({"name":"scribe"})", admin());
    auto left = must("agent.list", "{}").at("items").as_array();
    ASSERT_EQ(1u, left.size());
    EXPECT_EQ("default", text(left[0].as_object(), "name"));
}

TEST_P(runs_and_sessions_test, policy_is_replaced_only_on_the_version_that_was_read) {
    auto version = must("policy.get", "{}").at("version").as_int64();
    auto replace = fmt::format(R"({{"rules":[{{"effect":"deny","tool":"*"}}],"version":{}}})", version);
    auto stored = must("policy.put", replace, admin());
    EXPECT_EQ(version + 1, stored.at("version").as_int64());
    EXPECT_EQ(stored, must("policy.get", "{}"));
    EXPECT_EQ(errc::wrong_state, code_of("policy.put", replace, admin()));
    auto broken =
        call("policy.put", R"({"rules":[{"effect":"allow","tool":"*","when":{"type":"what"}}]})", admin());
    ASSERT_FALSE(broken);
    EXPECT_EQ(errc::invalid_params, broken.error().code);
    EXPECT_EQ(stored, must("policy.get", "{}"));
}

class working_runs_test : public method_fixture {
  protected:
    std::int64_t slots() const override { return 1; }
};
ON_BOTH_STORES(working_runs_test);

TEST_P(working_runs_test, a_run_is_claimed_with_its_acceptance_where_a_slot_is_free) {
    auto started = must("run.start", R"({"input":{"text":"hello"},"idempotency_key":"k"})");
    EXPECT_EQ("running", text(started, "state"));
    auto id = text(started, "run_id");
    ASSERT_TRUE(loop_.run_until([&] { return worker_->running() == 0; }));
    auto done = must("run.get", fmt::format(R"({{"run_id":"{}"}})", id));
    EXPECT_EQ("succeeded", text(done, "state"));
    EXPECT_EQ("You said: hello", text(done.at("output").as_object(), "text"));
    auto history = must("session.history", fmt::format(R"({{"session_id":"{}"}})", text(done, "session_id")));
    ASSERT_EQ(2u, history.at("items").as_array().size());
    EXPECT_EQ("assistant", text(history.at("items").at(1).as_object(), "role"));
    // The replay claims nothing, and the slot is free again.
    EXPECT_EQ(started, must("run.start", R"({"input":{"text":"hello"},"idempotency_key":"k"})"));
    EXPECT_EQ(0u, worker_->running());
    EXPECT_EQ("running", text(must("run.start", R"({"input":{"text":"again"}})"), "state"));
}

// A run that asks a person about `calls` calls at once, in the session "s".
class waiting_runs_test : public working_runs_test {
  protected:
    std::string wait_for_a_person(int calls, std::string_view mode) {
        add_node();
        must("session.resolve", fmt::format(R"({{"session_key":"s","mode":"{}"}})", mode));
        auto script = fmt::format("/parallel {}", calls);
        for (int i = 0; i < calls; ++i)
            script += fmt::format(R"(\n/call node__test__act {{\"key\":\"{}\"}})", i);
        auto id = text(
            must("run.start", fmt::format(R"({{"session_key":"s","input":{{"text":"{}"}}}})", script)),
            "run_id"
        );
        if (!loop_.run_until([&] { return worker_->running() == 0; }))
            throw std::runtime_error("it does not wait");
        EXPECT_EQ("waiting", state_of(id));
        return id;
    }
    std::string state_of(std::string const& run_id) {
        return text(must("run.get", fmt::format(R"({{"run_id":"{}"}})", run_id)), "state");
    }
    json::array open_approvals() { return must("approval.list", "{}").at("items").as_array(); }
    json::object say(std::string_view what) {
        return must("run.start", fmt::format(R"({{"session_key":"s","input":{{"text":"{}"}}}})", what));
    }
};
ON_BOTH_STORES(waiting_runs_test);

TEST_P(waiting_runs_test, answers_to_two_questions_may_come_before_the_run_goes_on) {
    auto id = wait_for_a_person(2, "queue");
    for (auto const& each : open_approvals()) {
        must(
            "approval.resolve",
            fmt::format(R"({{"approval_id":"{}","decision":"deny"}})", text(each.as_object(), "approval_id"))
        );
    }
    start(worker_->run());
    ASSERT_TRUE(loop_.run_until([&] { return worker_->running() == 1; }));
    ASSERT_TRUE(loop_.run_until([&] { return worker_->running() == 0; }));
    EXPECT_EQ("succeeded", state_of(id));
}

TEST_P(waiting_runs_test, a_message_into_a_queueing_session_waits_and_says_for_what) {
    auto id = wait_for_a_person(1, "queue");
    auto approval_id = text(open_approvals().at(0).as_object(), "approval_id");
    auto behind = say("hello");
    EXPECT_EQ("accepted", text(behind, "state"));
    EXPECT_EQ(json::value({{"run_id", id}, {"approval_id", approval_id}}), behind.at("blocked_by"));
    EXPECT_EQ("waiting", state_of(id));
}

TEST_P(waiting_runs_test, a_message_into_a_steering_session_denies_all_open_calls_with_it) {
    auto id = wait_for_a_person(2, "steer");
    auto asked = open_approvals();
    auto behind = say("rather not");
    EXPECT_EQ(json::value({{"run_id", id}}), behind.at("blocked_by"));
    ASSERT_EQ(2u, asked.size());
    for (auto const& each : asked) {
        auto decided = must(
            "approval.get", fmt::format(R"({{"approval_id":"{}"}})", text(each.as_object(), "approval_id"))
        );
        EXPECT_EQ("denied", text(decided, "state"));
        EXPECT_EQ("rather not", text(decided, "reason"));
    }
}

TEST_P(waiting_runs_test, a_message_into_an_interrupting_session_cancels_what_waits_and_goes_ahead) {
    auto id = wait_for_a_person(1, "interrupt");
    auto next = say("something else");
    EXPECT_EQ("running", text(next, "state"));
    EXPECT_FALSE(next.contains("blocked_by"));
    EXPECT_EQ("cancelled", state_of(id));
    EXPECT_TRUE(open_approvals().empty());
}

TEST_P(working_runs_test, a_refused_start_gives_its_slot_back) {
    EXPECT_EQ(errc::not_found, code_of("run.start", R"({"input":{"text":"x"},"agent":"nobody"})"));
    EXPECT_EQ("running", text(must("run.start", R"({"input":{"text":"x"}})"), "state"));
}

} // namespace
} // namespace gatehouse::testing
