#include "tests/unit/app/methods/method_fixture.hpp"

#include "protocol/secret_token.hpp"

#include <fmt/format.h>

namespace gatehouse::testing {
namespace {

class devices_and_tokens_test : public method_fixture {};
ON_BOTH_STORES(devices_and_tokens_test);

TEST_P(devices_and_tokens_test, bad_input_is_refused) {
    add_node();
    struct refusal {
        char const* method;
        char const* params;
        errc code;
    };
    static constexpr std::array table{
        refusal{"node.get", R"({"node":"nobody"})", errc::not_found},
        refusal{"node.rename", R"({"node":"nobody","label":"x"})", errc::not_found},
        refusal{"node.rename", R"({"node":"desk","label":""})", errc::invalid_params},
        refusal{"node.revoke", R"({"node":"nobody"})", errc::not_found},
        refusal{"pairing.approve", R"({"pairing_id":"pair_none","allow":["*"]})", errc::not_found},
        refusal{"pairing.approve", R"({"pairing_id":"pair_none"})", errc::invalid_params},
        refusal{"pairing.deny", R"({"pairing_id":"pair_none"})", errc::not_found},
        refusal{"token.revoke", R"({"token_id":"tok_none"})", errc::not_found},
        refusal{"token.issue", R"({"kind":"node","scopes":[]})", errc::invalid_params},
        refusal{"token.issue", R"({"kind":"client","scopes":["everything"]})", errc::invalid_params},
        refusal{"capability.update", R"({"capabilities":[]})", errc::forbidden},
    };
    for (auto const& [method, params, code] : table) {
        SCOPED_TRACE(std::string(method) + params);
        EXPECT_EQ(code, code_of(method, params, admin()));
    }
}

TEST_P(devices_and_tokens_test, a_token_is_told_once_and_never_in_a_replay) {
    constexpr char const* params =
        R"({"kind":"client","principal":"user:carol","scopes":["write","read"],"ttl_ms":1000,"idempotency_key":"k"})";
    auto issued = must("token.issue", params, admin());
    EXPECT_TRUE(is_token_format(text(issued, "token")));
    EXPECT_TRUE(issued.contains("expires_at"));
    auto replay = must("token.issue", params, admin());
    EXPECT_FALSE(replay.contains("token"));
    EXPECT_EQ(text(issued, "token_id"), text(replay, "token_id"));
    auto hash = token_hash(text(issued, "token"));
    auto stored = read([hash](core::snapshot& view) { return view.tokens().find_by_hash(hash); });
    ASSERT_TRUE(stored);
    EXPECT_EQ("user:carol", stored->principal);
    EXPECT_EQ((std::vector<std::string>{"read", "write"}), stored->scopes);
}

TEST_P(devices_and_tokens_test, kind_admin_implies_scope_admin_and_only_admins_issue) {
    auto issued = must("token.issue", R"({"kind":"admin","scopes":[]})", admin());
    auto listed = must("token.list", "{}", admin()).at("items").as_array();
    ASSERT_EQ(1u, listed.size());
    EXPECT_EQ(json::value(json::array{"admin"}), listed[0].at("scopes"));
    EXPECT_EQ("user:admin", text(listed[0].as_object(), "principal"));
    EXPECT_EQ(errc::forbidden, code_of("token.issue", R"({"kind":"client","scopes":["read"]})"));
}

TEST_P(devices_and_tokens_test, revoking_a_token_twice_is_answered_like_once) {
    auto issued = must("token.issue", R"({"kind":"client","scopes":["read"]})", admin());
    auto params = fmt::format(R"({{"token_id":"{}"}})", text(issued, "token_id"));
    auto revoked = must("token.revoke", params, admin());
    EXPECT_TRUE(revoked.contains("revoked_at"));
    time_.advance(std::chrono::seconds(5));
    EXPECT_EQ(revoked, must("token.revoke", params, admin()));
}

TEST_P(devices_and_tokens_test, an_invite_opens_nothing_but_the_door) {
    auto invited = must("pairing.invite", R"({"label":"phone"})");
    auto hash = token_hash(text(invited, "token"));
    auto stored = read([hash](core::snapshot& view) { return view.tokens().find_by_hash(hash); });
    ASSERT_TRUE(stored);
    EXPECT_EQ("invite", stored->kind);
    EXPECT_TRUE(stored->scopes.empty());
    EXPECT_EQ(stored->created_at + limits_.pairing_ttl, stored->expires_at);
}

TEST_P(devices_and_tokens_test, what_a_node_says_it_can_do_is_checked) {
    add_node();
    struct refusal {
        char const* capabilities;
        char const* path;
    };
    static constexpr std::array table{
        refusal{
            R"([{"id":"a","version":"1","operations":[]},{"id":"a","version":"1","operations":[]}])",
            "/capabilities/1/id"
        },
        refusal{
            R"([{"id":"a","version":"1","operations":[{"name":"x","input_schema":{},"risk":"read"},{"name":"x","input_schema":{},"risk":"read"}]}])",
            "/capabilities/0/operations/1/name"
        },
        refusal{
            R"([{"id":"a","version":"1","operations":[{"name":"x","input_schema":{"type":"what"},"risk":"read"}]}])",
            "/capabilities/0/operations/0/input_schema/type"
        },
        refusal{
            R"([{"id":"a","version":"1","operations":[{"name":"x","input_schema":{},"output_schema":{"pattern":"("},"risk":"read"}]}])",
            "/capabilities/0/operations/0/output_schema/pattern"
        },
        refusal{
            R"([{"id":"a","version":"1","operations":[{"name":"x","input_schema":{"properties":{"node":{}}},"risk":"read"}]}])",
            "/capabilities/0/operations/0/input_schema/properties/node"
        },
    };
    for (auto const& [capabilities, path] : table) {
        SCOPED_TRACE(capabilities);
        auto refused =
            call("capability.update", fmt::format(R"({{"capabilities":{}}})", capabilities), node_peer());
        ASSERT_FALSE(refused);
        EXPECT_EQ(errc::invalid_params, refused.error().code);
        EXPECT_EQ(json::value(path), refused.error().details.as_array().at(0).at("path"));
    }
    must("capability.update", R"({"capabilities":[]})", node_peer());
    EXPECT_TRUE(must("node.get", R"({"node":"desk"})").at("capabilities").as_array().empty());
}

TEST_P(devices_and_tokens_test, a_node_is_named_by_label_or_id_and_revoked_once) {
    add_node();
    must("node.rename", R"({"node":"desk","label":"kitchen"})");
    auto found = must("node.get", R"({"node":"kitchen"})");
    EXPECT_EQ("dev_desk", text(found, "device_id"));
    EXPECT_EQ("online", text(found, "state"));
    auto revoked = must("node.revoke", R"({"node":"dev_desk","reason":"lost"})");
    EXPECT_EQ("revoked", text(revoked, "state"));
    EXPECT_EQ(revoked, must("node.revoke", R"({"node":"dev_desk"})"));
    EXPECT_EQ(1u, must("node.list", "{}").at("items").as_array().size());
}

TEST_P(devices_and_tokens_test, the_gateway_says_what_it_is) {
    auto status = must("gateway.status", "{}");
    EXPECT_EQ("gw_test", text(status, "gateway_id"));
    EXPECT_EQ(is_postgres() ? "postgresql" : "sqlite", text(status.at("store").as_object(), "backend"));
    EXPECT_EQ(0, status.at("runs").at("accepted").as_int64());
    must("run.start", R"({"input":{"text":"x"}})");
    EXPECT_EQ(1, must("gateway.status", "{}").at("runs").at("accepted").as_int64());
    EXPECT_TRUE(must("rpc.discover", "{}").contains("methods"));
}

} // namespace
} // namespace gatehouse::testing
