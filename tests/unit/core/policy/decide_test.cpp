#include "core/policy/decide.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class decide_test : public run_fixture {
  protected:
    static policy_question about(std::string risk = "write") {
        policy_question q;
        q.tool = "node__fs__write";
        q.arguments = {{"path", "/tmp/a"}};
        q.risk = std::move(risk);
        q.agent = "default";
        q.principal = "ada";
        q.session_id = "ses_1";
        q.node = "dev_1";
        q.node_label = "box";
        return q;
    }
    policy_answer ask(policy_question const& q = about()) {
        return read([q](snapshot& view) { return decide(view, q); });
    }
    // One that lifts `ask` for about().
    grant make_grant() {
        grant g;
        g.grant_id = "grt_1";
        g.principal = "ada";
        g.tool = "node__fs__write";
        g.node = "dev_1";
        g.arguments_hash = sha256_hex(canonical_json(boost::json::value{{"path", "/tmp/a"}}));
        g.created_by = "ada";
        g.created_at = time_.now();
        return g;
    }
    void put(grant const& g) {
        write([g](transaction& tx) { tx.grants().insert(g); });
    }
};
ON_BOTH_STORES(decide_test);

TEST_P(decide_test, without_a_rule_the_risk_decides) {
    EXPECT_EQ(ask(about("read")).what, effect::allow);
    EXPECT_EQ(ask(about("write")).what, effect::ask);
    EXPECT_EQ(ask(about("dangerous")).what, effect::ask);
    for (auto const* risk : {"", "unknown", "READ"}) EXPECT_EQ(ask(about(risk)).what, effect::deny) << risk;
}

TEST_P(decide_test, the_strongest_rule_that_applies_decides) {
    struct {
        char const* rules;
        effect what;
    } const cases[]{
        {R"([{"effect":"allow","tool":"*"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*"},{"effect":"ask","tool":"*"}])", effect::ask},
        {R"([{"effect":"deny","tool":"*"},{"effect":"ask","tool":"*"},{"effect":"allow","tool":"*"}])",
         effect::deny},
        {R"([{"effect":"allow","tool":"*"},{"effect":"ask","tool":"*"},{"effect":"deny","tool":"*"}])",
         effect::deny},
        {R"([{"effect":"deny","tool":"node__other__*"}])", effect::ask},
        {R"([{"effect":"allow","tool":"node__fs__*"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","node":"dev_1"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","node":"box"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","node":"b*"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","node":"dev_2"}])", effect::ask},
        {R"([{"effect":"allow","tool":"*","agent":"default"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","agent":"other"}])", effect::ask},
        {R"([{"effect":"allow","tool":"*","principal":"ada"}])", effect::allow},
        {R"([{"effect":"allow","tool":"*","principal":"bob"}])", effect::ask},
        {R"([{"effect":"deny","tool":"*","when":{"properties":{"path":{"const":"/tmp/a"}}}}])", effect::deny},
        {R"([{"effect":"deny","tool":"*","when":{"properties":{"path":{"const":"/tmp/b"}}}}])", effect::ask},
        {R"([{"effect":"allow","tool":"*","when":{"required":["force"]}}])", effect::ask},
        {R"([{"effect":"allow","when":false}])", effect::ask},
        {R"([{"effect":"deny"}])", effect::deny},
    };
    for (auto const& c : cases) {
        set_rules(c.rules);
        EXPECT_EQ(ask().what, c.what) << c.rules;
    }
}

TEST_P(decide_test, a_grant_lifts_ask_and_never_deny) {
    put(make_grant());
    auto answer = ask();
    EXPECT_EQ(answer.what, effect::allow);
    EXPECT_EQ(answer.grant_id, "grt_1");
    EXPECT_EQ(ask(about("dangerous")).what, effect::allow);
    EXPECT_EQ(ask(about("unknown")).what, effect::deny);
    set_rules(R"([{"effect":"ask","tool":"*"}])");
    EXPECT_EQ(ask(about("read")).what, effect::allow);
    set_rules(R"([{"effect":"deny","tool":"*"}])");
    EXPECT_EQ(ask().what, effect::deny);
}

TEST_P(decide_test, a_grant_is_for_what_it_names_and_as_long_as_it_lasts) {
    auto const past = time_.now() - 1s;
    struct {
        char const* what;
        std::function<void(grant&)> change;
        effect expected;
    } const cases[]{
        {"as it is", [](grant&) {}, effect::allow},
        {"other principal", [](grant& g) { g.principal = "bob"; }, effect::ask},
        {"other tool", [](grant& g) { g.tool = "node__fs__wipe"; }, effect::ask},
        {"other node", [](grant& g) { g.node = "dev_2"; }, effect::ask},
        {"no node", [](grant& g) { g.node.reset(); }, effect::ask},
        {"other arguments", [](grant& g) { g.arguments_hash = std::string(64, '0'); }, effect::ask},
        {"its session", [](grant& g) { g.session_id = "ses_1"; }, effect::allow},
        {"other session", [](grant& g) { g.session_id = "ses_2"; }, effect::ask},
        {"run out", [=](grant& g) { g.expires_at = past; }, effect::ask},
        {"lasting", [=](grant& g) { g.expires_at = past + 1h; }, effect::allow},
        {"revoked", [=](grant& g) { g.revoked_at = past; }, effect::ask},
        {"schema that fits", [](grant& g) { g.when = R"({"required":["path"]})"; }, effect::allow},
        {"schema that does not", [](grant& g) { g.when = R"({"required":["force"]})"; }, effect::ask},
    };
    int n = 0;
    for (auto const& c : cases) {
        auto g = make_grant();
        g.grant_id = "grt_" + std::to_string(++n);
        c.change(g);
        put(g);
        EXPECT_EQ(ask().what, c.expected) << c.what;
        g.revoked_at = time_.now();
        write([g](transaction& tx) { tx.grants().save(g); });
    }
}

} // namespace
} // namespace gatehouse::core
