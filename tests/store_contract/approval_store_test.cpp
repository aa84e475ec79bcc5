#include "core/approvals/approval_store.hpp"

#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::approval;
using core::approval_state;
using core::grant;
using core::snapshot;
using core::transaction;

class approval_store_test : public store_fixture {
  protected:
    void insert(approval const& a) {
        write([=](transaction& tx) { tx.approvals().insert(a); });
    }
    static std::vector<std::string> ids(std::vector<approval> const& list) {
        std::vector<std::string> out;
        for (auto const& each : list) out.push_back(each.approval_id);
        return out;
    }
    using names = std::vector<std::string>;
};

TEST_P(approval_store_test, an_approval_comes_back_and_changes) {
    auto a = sample_approval("app_1");
    insert(a);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.approvals().find("app_1"); }), a));
    a.state = approval_state::denied;
    a.decision = "deny";
    a.decided_by = "user:b";
    a.reason = difficult_text;
    a.decided_at = at(5);
    a.used = true;
    write([=](transaction& tx) { tx.approvals().save(a); });
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.approvals().find("app_1"); }), a));
}

TEST_P(approval_store_test, a_lock_tells_whether_it_ran_out_by_the_databases_clock) {
    insert(sample_approval("app_1"));
    auto old = sample_approval("app_2");
    old.expires_at = from_ms(1000);
    insert(old);
    write([&](transaction& tx) {
        auto const live = tx.approvals().lock("app_1");
        ASSERT_TRUE(live);
        EXPECT_FALSE(live->expired);
        EXPECT_TRUE(same_fields(live->value, sample_approval("app_1")));
        EXPECT_TRUE(tx.approvals().lock("app_2")->expired);
        EXPECT_FALSE(tx.approvals().lock("app_3"));
    });
}

TEST_P(approval_store_test, lists_are_filtered_and_go_from_old_to_new) {
    insert(sample_approval("app_2"));
    insert(sample_approval("app_1"));
    auto other = sample_approval("app_3");
    other.principal = "user:b";
    other.state = approval_state::expired;
    other.run_id = "run_2";
    insert(other);
    auto const list = [this](core::approval_filter filter) {
        return ids(read([=](snapshot& seen) { return seen.approvals().list(filter); }));
    };
    EXPECT_EQ(list({}), (names{"app_1", "app_2", "app_3"}));
    EXPECT_EQ(list({{}, approval_state::pending, {}}), (names{"app_1", "app_2"}));
    EXPECT_EQ(list({"user:b", {}, {}}), names{"app_3"});
    EXPECT_EQ(list({{}, approval_state::pending, "app_1", 1}), names{"app_2"});
    EXPECT_EQ(
        ids(read([](snapshot& seen) { return seen.approvals().pending_of_run("run_1"); })),
        (names{"app_1", "app_2"})
    );
    EXPECT_TRUE(read([](snapshot& seen) { return seen.approvals().pending_of_run("run_2"); }).empty());
}

TEST_P(approval_store_test, a_direct_call_finds_its_unused_approval) {
    auto of_run = sample_approval("app_1");
    insert(of_run);
    auto pending = sample_approval("app_2");
    pending.run_id.reset();
    insert(pending);
    auto const find = [this] {
        auto const found = read([](snapshot& seen) {
            return seen.approvals().find_unused_by_subject("user:a", "hash", {});
        });
        return found ? found->approval_id : "";
    };
    EXPECT_EQ(find(), "app_2");
    auto approved = sample_approval("app_3");
    approved.run_id.reset();
    approved.state = approval_state::approved;
    insert(approved);
    EXPECT_EQ(find(), "app_3") << "what was given comes before what is asked";
    approved.used = true;
    write([=](transaction& tx) { tx.approvals().save(approved); });
    EXPECT_EQ(find(), "app_2");
    pending.state = approval_state::denied;
    write([=](transaction& tx) { tx.approvals().save(pending); });
    EXPECT_EQ(find(), "app_2") << "a denial that was not told yet";
    pending.used = true;
    write([=](transaction& tx) { tx.approvals().save(pending); });
    EXPECT_EQ(find(), "");
}

TEST_P(approval_store_test, only_direct_calls_expire_here) {
    for (int i = 1; i <= 3; ++i) {
        auto a = sample_approval("app_" + std::to_string(i));
        if (i != 1) a.run_id.reset();
        if (i != 3) a.expires_at = from_ms(1000);
        insert(a);
    }
    EXPECT_EQ(
        ids(write([](transaction& tx) { return tx.approvals().lock_expired_without_run(10); })),
        names{"app_2"}
    );
}

TEST_P(approval_store_test, a_grant_lives_until_it_is_revoked_or_runs_out) {
    grant g{
        .grant_id = "grt_1",
        .principal = "user:a",
        .session_id = "ses_1",
        .tool = "t",
        .node = "dev_1",
        .arguments_hash = "hash",
        .when = difficult_json,
        .created_by = "user:b",
        .created_at = at(1),
        .expires_at = from_ms(4'000'000'000'000),
        .revoked_at = {}
    };
    grant ended = g;
    ended.grant_id = "grt_2";
    ended.expires_at = from_ms(1000);
    write([=](transaction& tx) {
        tx.grants().insert(g);
        tx.grants().insert(ended);
    });
    auto const live = [this] {
        return read([](snapshot& seen) { return seen.grants().live("user:a", "t"); });
    };
    ASSERT_EQ(live().size(), 1u);
    EXPECT_TRUE(same_fields(live()[0], g));
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.grants().find("grt_1"); }), g));
    EXPECT_TRUE(read([](snapshot& seen) { return seen.grants().live("user:b", "t"); }).empty());
    EXPECT_TRUE(read([](snapshot& seen) { return seen.grants().live("user:a", "u"); }).empty());
    auto const listed = [this](std::optional<std::string> principal, std::optional<std::string> after) {
        return read([=](snapshot& seen) { return seen.grants().list(principal, after, 10).size(); });
    };
    EXPECT_EQ(listed({}, {}), 1u);
    EXPECT_EQ(listed("user:a", {}), 1u);
    EXPECT_EQ(listed("user:b", {}), 0u);
    EXPECT_EQ(listed({}, "grt_1"), 0u);
    g.revoked_at = at(9);
    write([=](transaction& tx) { tx.grants().save(g); });
    EXPECT_TRUE(live().empty());
    EXPECT_EQ(listed({}, {}), 0u);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.grants().find("grt_1"); }), g));
}

TEST_P(approval_store_test, the_policy_is_one_document) {
    auto const fresh = read([](snapshot& seen) { return seen.policies().get(); });
    EXPECT_EQ(fresh.version, 0);
    EXPECT_EQ(fresh.rules, "[]");
    write([](transaction& tx) {
        auto p = tx.policies().lock();
        p.version += 1;
        p.rules = difficult_json;
        tx.policies().save(p);
    });
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.policies().get(); }), {1, difficult_json}));
}

ON_BOTH_STORES(approval_store_test);

} // namespace
} // namespace gatehouse::persistence
