#include "tests/unit/app/methods/method_fixture.hpp"

#include <fmt/format.h>

namespace gatehouse::testing {
namespace {

constexpr char const* look =
    R"({"node":"desk","capability":"test","operation":"look","arguments":{"key":"x"}})";
constexpr char const* act =
    R"({"node":"desk","capability":"test","operation":"act","arguments":{"key":"x"}})";

class invoke_call_test : public method_fixture {
  protected:
    // A call that the node answers with `result`.
    json::object answered(std::string_view method, std::string_view params, json::value result) {
        auto before = desk_.asked.size();
        auto call = begin(method, params, alice());
        wait_until_asked(before + 1);
        answer(desk_.asked.back(), std::move(result));
        return *finish(call);
    }

    std::string asked_for(std::string_view method, std::string_view params) {
        auto refused = call(method, params);
        EXPECT_FALSE(refused);
        EXPECT_EQ(errc::approval_required, refused.error().code) << refused.error().message;
        return std::string(refused.error().details.as_object().at("approval_id").as_string());
    }

    void resolve(std::string const& approval_id, std::string_view decision, std::string_view more = "") {
        must(
            "approval.resolve",
            fmt::format(R"({{"approval_id":"{}","decision":"{}"{}}})", approval_id, decision, more)
        );
    }
};
ON_BOTH_STORES(invoke_call_test);

TEST_P(invoke_call_test, a_call_goes_to_the_node_and_its_answer_comes_back) {
    add_node();
    auto reply = answered("node.invoke", look, {{"seen", true}});
    EXPECT_EQ("succeeded", text(reply, "state"));
    EXPECT_EQ(json::value({{"seen", true}}), reply.at("result"));
    EXPECT_EQ(desk_.asked.at(0).invocation_id, text(reply, "invocation_id"));
    EXPECT_EQ(R"({"key":"x"})", desk_.asked.at(0).arguments);
}

TEST_P(invoke_call_test, the_same_key_is_answered_from_the_same_row_and_the_node_is_asked_once) {
    add_node();
    constexpr char const* params =
        R"({"node":"desk","capability":"test","operation":"look","arguments":{},"idempotency_key":"k"})";
    auto first = begin("node.invoke", params, alice());
    auto joined = begin("node.invoke", params, alice());
    wait_until_asked(1);
    answer(desk_.asked.at(0), 7);
    auto reply = *finish(first);
    EXPECT_EQ(reply, *finish(joined));
    EXPECT_EQ(reply, must("node.invoke", params));
    EXPECT_EQ(1u, desk_.asked.size());
    EXPECT_EQ(
        errc::idempotency_mismatch,
        code_of(
            "node.invoke",
            R"({"node":"desk","capability":"test","operation":"look","arguments":{"key":"y"},"idempotency_key":"k"})"
        )
    );
}

TEST_P(invoke_call_test, calls_that_cannot_be_made_are_refused) {
    add_node({"test.look"});
    struct refusal {
        char const* method;
        char const* params;
        errc code;
    };
    static constexpr std::array table{
        refusal{
            "node.invoke", R"({"node":"nobody","capability":"test","operation":"look","arguments":{}})",
            errc::not_found
        },
        refusal{
            "node.invoke", R"({"node":"desk","capability":"test","operation":"no_such","arguments":{}})",
            errc::not_found
        },
        refusal{"node.invoke", act, errc::policy_denied}, // the pairing does not allow it
        refusal{
            "node.invoke", R"({"node":"desk","capability":"test","operation":"look","arguments":{"key":1}})",
            errc::invalid_params
        },
        refusal{
            "node.invoke", R"({"node":"desk","capability":"test","operation":"look","arguments":[]})",
            errc::invalid_params
        },
        refusal{
            "node.invoke", R"({"node":"desk","capability":"test","operation":"look"})", errc::invalid_params
        },
        refusal{"tool.invoke", R"({"tool":"node__test__none","arguments":{}})", errc::not_found},
        refusal{
            "tool.invoke", R"({"tool":"node__test__look","arguments":{"node":"nobody"}})", errc::not_found
        },
        refusal{"tool.invoke", R"({"tool":"node__test__look","arguments":{"more":1}})", errc::invalid_params},
        refusal{
            "tool.invoke", R"({"tool":"node__test__look","arguments":{},"session_key":"none"})",
            errc::not_found
        },
        refusal{"tool.invoke", R"({"tool":"no such tool","arguments":{}})", errc::invalid_params},
    };
    for (auto const& [method, params, code] : table) {
        SCOPED_TRACE(params);
        EXPECT_EQ(code, code_of(method, params));
    }
    EXPECT_TRUE(desk_.asked.empty());
}

TEST_P(invoke_call_test, a_revoked_node_is_wrong_state) {
    add_node();
    must("node.revoke", R"({"node":"desk"})");
    EXPECT_EQ(errc::wrong_state, code_of("node.invoke", look));
}

TEST_P(invoke_call_test, a_rule_that_denies_comes_before_everything_else) {
    add_node();
    must(
        "policy.put", R"({"rules":[{"effect":"deny","tool":"node__test__*","reason":"not today"}]})", admin()
    );
    auto refused = call("node.invoke", look);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::policy_denied, refused.error().code);
    EXPECT_EQ("not today", refused.error().message);
}

TEST_P(invoke_call_test, an_offline_node_is_unavailable_unless_the_call_may_wait) {
    add_node({"*"}, false);
    EXPECT_EQ(errc::unavailable, code_of("node.invoke", look));
    constexpr char const* waiting =
        R"({"node":"desk","capability":"test","operation":"look","arguments":{},"queue_ttl_ms":60000,"idempotency_key":"q"})";
    auto queued = must("node.invoke", waiting);
    EXPECT_EQ("queued", text(queued, "state"));
    EXPECT_EQ(queued, must("node.invoke", waiting));
}

TEST_P(invoke_call_test, what_is_asked_about_runs_once_after_approval_under_the_same_key) {
    add_node();
    constexpr char const* params =
        R"({"tool":"node__test__act","arguments":{"key":"x"},"idempotency_key":"once"})";
    auto approval_id = asked_for("tool.invoke", params);
    EXPECT_EQ(approval_id, asked_for("tool.invoke", params));
    EXPECT_EQ(1u, must("approval.list", "{}").at("items").as_array().size());
    resolve(approval_id, "approve");
    auto first = answered("tool.invoke", params, "done");
    EXPECT_EQ(json::value("done"), first.at("output"));
    EXPECT_EQ(first, must("tool.invoke", params));
    EXPECT_EQ(1u, desk_.asked.size());
    // The approval is used up: the next call of the kind asks anew.
    EXPECT_NE(approval_id, asked_for("tool.invoke", R"({"tool":"node__test__act","arguments":{"key":"x"}})"));
}

TEST_P(invoke_call_test, asked_for_twice_at_once_after_approval_it_runs_once) {
    add_node();
    // On Postgres the two are transactions side by side; which of them meets the other where is chance.
    for (std::size_t round = 1; round <= 20; ++round) {
        auto params = fmt::format(
            R"({{"tool":"node__test__act","arguments":{{"key":"{0}"}},"idempotency_key":"{0}"}})", round
        );
        resolve(asked_for("tool.invoke", params), "approve");
        auto first = begin("tool.invoke", params, alice());
        auto second = begin("tool.invoke", params, alice());
        wait_until_asked(round);
        answer(desk_.asked.back(), "done");
        auto told_first = finish(first);
        auto told_second = finish(second);
        ASSERT_TRUE(told_first && told_second) << "round " << round;
        EXPECT_EQ(*told_first, *told_second);
        EXPECT_EQ(round, desk_.asked.size());
        EXPECT_TRUE(must("approval.list", "{}").at("items").as_array().empty());
    }
}

TEST_P(invoke_call_test, an_approval_counts_for_exactly_what_was_shown) {
    add_node();
    resolve(asked_for("node.invoke", act), "approve");
    asked_for(
        "node.invoke", R"({"node":"desk","capability":"test","operation":"act","arguments":{"key":"y"}})"
    );
    EXPECT_TRUE(desk_.asked.empty());
}

TEST_P(invoke_call_test, a_denial_is_told_once_and_then_a_person_is_asked_anew) {
    add_node();
    auto approval_id = asked_for("node.invoke", act);
    resolve(approval_id, "deny", R"(,"reason":"too risky")");
    auto refused = call("node.invoke", act);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::policy_denied, refused.error().code);
    EXPECT_NE(std::string::npos, refused.error().message.find("too risky"));
    EXPECT_NE(approval_id, asked_for("node.invoke", act));
}

TEST_P(invoke_call_test, an_approval_that_ran_out_is_asked_for_anew) {
    add_node();
    auto pending_id = asked_for("node.invoke", act);
    time_.advance(std::chrono::hours(25));
    auto next_id = asked_for("node.invoke", act);
    EXPECT_NE(pending_id, next_id);
    EXPECT_EQ(
        "expired", text(must("approval.get", fmt::format(R"({{"approval_id":"{}"}})", pending_id)), "state")
    );
    resolve(next_id, "approve");
    time_.advance(std::chrono::hours(25));
    EXPECT_NE(next_id, asked_for("node.invoke", act));
}

TEST_P(invoke_call_test, a_grant_lifts_the_question_for_the_session_it_was_given_in) {
    add_node();
    must("session.resolve", R"({"session_key":"work"})");
    constexpr char const* params =
        R"({"tool":"node__test__act","arguments":{"key":"x"},"session_key":"work"})";
    resolve(asked_for("tool.invoke", params), "approve", R"(,"grant":"session")");
    answered("tool.invoke", params, 1);
    answered("tool.invoke", params, 2);
    asked_for("tool.invoke", R"({"tool":"node__test__act","arguments":{"key":"x"}})");
    auto grants = must("grant.list", "{}").at("items").as_array();
    ASSERT_EQ(1u, grants.size());
    auto revoke = fmt::format(R"({{"grant_id":"{}"}})", text(grants[0].as_object(), "grant_id"));
    EXPECT_EQ(must("grant.revoke", revoke), must("grant.revoke", revoke));
    EXPECT_TRUE(must("grant.list", "{}").at("items").as_array().empty());
    asked_for("tool.invoke", params);
}

TEST_P(invoke_call_test, what_the_node_reports_as_failure_is_capability_failed_with_its_details) {
    add_node();
    auto call = begin("node.invoke", look, alice());
    wait_until_asked(1);
    core::call_answer given;
    given.invocation_id = desk_.asked.at(0).invocation_id;
    given.connection_epoch = 1;
    given.state = "failed";
    given.error = {
        {"kind", "capability_failed"}, {"message", "it broke"}, {"details", {{"outcome", "unknown"}}}
    };
    nodes_->on_answer(std::move(given));
    auto refused = finish(call);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::capability_failed, refused.error().code);
    EXPECT_EQ("it broke", refused.error().message);
    EXPECT_EQ(json::value("unknown"), refused.error().details.as_object().at("outcome"));
}

TEST_P(invoke_call_test, a_node_that_does_not_answer_in_time_is_deadline_exceeded_and_told_to_stop) {
    add_node();
    auto call = begin(
        "node.invoke",
        R"({"node":"desk","capability":"test","operation":"look","arguments":{},"timeout_ms":200})", alice()
    );
    wait_until_asked(1);
    loop_.advance(std::chrono::milliseconds(250));
    auto refused = finish(call);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::deadline_exceeded, refused.error().code);
    EXPECT_EQ(std::vector{desk_.asked.at(0).invocation_id}, desk_.cancelled);
}

TEST_P(invoke_call_test, a_call_whose_connection_went_away_ends_with_its_time_too) {
    add_node();
    auto call = begin(
        "node.invoke",
        R"({"node":"desk","capability":"test","operation":"look","arguments":{},"timeout_ms":200})", alice()
    );
    wait_until_asked(1);
    nodes_->detach("dev_desk", 1);
    for (int i = 0; i < 20 && !call->done; ++i) {
        loop_.run_until([&] { return call->done; }, std::chrono::milliseconds(50));
        loop_.advance(std::chrono::milliseconds(200));
    }
    auto refused = finish(call);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::deadline_exceeded, refused.error().code);
}

TEST_P(invoke_call_test, a_gateway_that_stops_leaves_the_call_to_its_row) {
    add_node();
    auto call = begin("node.invoke", look, alice());
    wait_until_asked(1);
    nodes_->stop_waiting();
    auto refused = finish(call);
    ASSERT_FALSE(refused);
    EXPECT_EQ(errc::unavailable, refused.error().code);
    auto row = read([id = desk_.asked.at(0).invocation_id](core::snapshot& view) {
        return view.invocations().find(id);
    });
    EXPECT_EQ("sent", row->state);
}

TEST_P(invoke_call_test, tools_that_policy_denies_are_not_listed) {
    add_node();
    must("policy.put", R"({"rules":[{"effect":"deny","tool":"*act"}]})", admin());
    auto tools = must("tool.list", "{}").at("items").as_array();
    ASSERT_EQ(1u, tools.size());
    EXPECT_EQ("node__test__look", text(tools[0].as_object(), "name"));
    EXPECT_EQ(json::value(json::array{"desk"}), tools[0].at("nodes"));
}

TEST_P(invoke_call_test, policy_check_answers_as_a_real_call_would) {
    add_node();
    struct question {
        char const* params;
        std::string_view effect;
    };
    static constexpr std::array table{
        question{R"({"tool":"node__test__look","arguments":{}})", "allow"},
        question{R"({"tool":"node__test__act","arguments":{"key":"x"}})", "ask"},
        question{R"({"tool":"node__no__such","arguments":{}})", "deny"},
    };
    for (auto const& [params, effect] : table) {
        SCOPED_TRACE(params);
        EXPECT_EQ(effect, text(must("policy.check", params), "effect"));
    }
    EXPECT_EQ(
        errc::forbidden,
        code_of("policy.check", R"({"tool":"node__test__look","arguments":{},"principal":"user:bob"})")
    );
}

} // namespace
} // namespace gatehouse::testing
