#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::agent;
using core::snapshot;
using core::token;
using core::transaction;

class agent_store_test : public store_fixture {};
class token_store_test : public store_fixture {
  protected:
    static token sample_token(std::string const& id) {
        return {
            .token_id = id,
            .hash = "hash of " + id,
            .kind = "node",
            .principal = "user:a",
            .scopes = {"read", "write"},
            .label = difficult_text,
            .device_id = "dev_1",
            .created_at = at(1),
            .expires_at = at(2),
            .revoked_at = {}
        };
    }
    void insert(token const& t) {
        write([=](transaction& tx) { tx.tokens().insert(t); });
    }
};

TEST_P(agent_store_test, a_fresh_store_has_the_default_agent) {
    auto const found = read([](snapshot& seen) { return seen.agents().find("default"); });
    ASSERT_TRUE(found);
    EXPECT_EQ(found->model, "demo");
    EXPECT_EQ(found->tools, std::vector<std::string>{"*"});
    EXPECT_EQ(found->max_turns, 64);
    EXPECT_EQ(found->temperature, std::nullopt);
}

TEST_P(agent_store_test, an_agent_is_put_replaced_and_removed) {
    agent a{
        .name = "b",
        .model = "m",
        .system_prompt = difficult_text,
        .tools = {"x", "y\"'"},
        .temperature = 0.1,
        .max_turns = 3,
        .budgets = difficult_json,
        .created_at = at(1),
        .updated_at = at(2)
    };
    auto const find = [this] { return read([](snapshot& seen) { return seen.agents().find("b"); }); };
    write([=](transaction& tx) { tx.agents().put(a); });
    EXPECT_TRUE(same_fields(find(), a));
    a.model = "n";
    a.system_prompt.reset();
    a.tools.clear();
    a.temperature.reset();
    a.max_turns = 4;
    a.budgets = "{}";
    a.updated_at = at(9);
    write([=](transaction& tx) { tx.agents().put(a); });
    EXPECT_TRUE(same_fields(find(), a));
    EXPECT_EQ(read([](snapshot& seen) { return seen.agents().list({}, 10).size(); }), 2u);
    EXPECT_EQ(read([](snapshot& seen) { return seen.agents().list("b", 10)[0].name; }), "default");
    EXPECT_TRUE(write([](transaction& tx) { return tx.agents().remove("b"); }));
    EXPECT_FALSE(write([](transaction& tx) { return tx.agents().remove("b"); }));
    EXPECT_FALSE(find());
}

TEST_P(token_store_test, a_token_is_found_by_id_and_by_hash) {
    auto t = sample_token("tok_1");
    EXPECT_FALSE(read([](snapshot& seen) { return seen.tokens().any_of_kind("node"); }));
    insert(t);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.tokens().find("tok_1"); }), t));
    EXPECT_TRUE(same_fields(read([&](snapshot& seen) { return seen.tokens().find_by_hash(t.hash); }), t));
    EXPECT_FALSE(read([](snapshot& seen) { return seen.tokens().find_by_hash("x"); }));
    EXPECT_TRUE(read([](snapshot& seen) { return seen.tokens().any_of_kind("node"); }));
    EXPECT_FALSE(read([](snapshot& seen) { return seen.tokens().any_of_kind("admin"); }));
    t.scopes = {"admin"};
    t.label.reset();
    t.expires_at.reset();
    t.revoked_at = at(7);
    write([=](transaction& tx) { tx.tokens().save(t); });
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.tokens().find("tok_1"); }), t));
    auto same_hash = sample_token("tok_2");
    same_hash.hash = t.hash;
    EXPECT_THROW(insert(same_hash), unique_violation);
}

TEST_P(token_store_test, an_invite_binds_to_the_first_device) {
    auto t = sample_token("tok_1");
    t.kind = "invite";
    t.device_id.reset();
    insert(t);
    auto const bind = [this](std::string device) {
        return write([=](transaction& tx) { return tx.tokens().bind_device("tok_1", device); });
    };
    EXPECT_TRUE(bind("dev_1"));
    EXPECT_TRUE(bind("dev_1"));
    EXPECT_FALSE(bind("dev_2"));
}

TEST_P(token_store_test, all_tokens_of_a_device_are_revoked_at_once) {
    auto other = sample_token("tok_3");
    other.device_id = "dev_2";
    auto before = sample_token("tok_2");
    before.revoked_at = at(3);
    for (auto const& each : {sample_token("tok_1"), before, other}) insert(each);
    write([](transaction& tx) { tx.tokens().revoke_of_device("dev_1", {}, at(8)); });
    auto const all = read([](snapshot& seen) { return seen.tokens().list({}, 10); });
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].revoked_at, at(8));
    EXPECT_EQ(all[1].revoked_at, at(3));
    EXPECT_EQ(all[2].revoked_at, std::nullopt);
    EXPECT_EQ(read([](snapshot& seen) { return seen.tokens().list("tok_1", 1)[0].token_id; }), "tok_2");
}

ON_BOTH_STORES(agent_store_test);
ON_BOTH_STORES(token_store_test);

} // namespace
} // namespace gatehouse::persistence
