#include "core/nodes/node_store.hpp"

#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::snapshot;
using core::transaction;

class node_store_test : public store_fixture {
  protected:
    using names = std::vector<std::string>;
    void put(core::node const& n) {
        write([=](transaction& tx) { tx.nodes().put(n); });
    }
    void put(core::pairing const& p) {
        write([=](transaction& tx) { tx.nodes().put_pairing(p); });
    }
    void insert(core::invocation const& i) {
        write([=](transaction& tx) { tx.invocations().insert(i); });
    }
    template <class List>
    static names invocation_ids(List const& list) {
        names out;
        for (auto const& each : list) out.push_back(each.invocation_id);
        return out;
    }
};

TEST_P(node_store_test, a_device_is_found_by_id_and_by_label) {
    auto n = sample_node("dev_1", difficult_text);
    put(n);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.nodes().find("dev_1"); }), n));
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.nodes().find_by_name(difficult_text); }), n)
    );
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.nodes().find_by_name("dev_1"); }), n));
    EXPECT_FALSE(read([](snapshot& seen) { return seen.nodes().find_by_name("x"); }));
    n.label = "other";
    n.trust = "remote";
    n.allow.clear();
    n.connection_epoch = 12;
    n.instance_id.reset();
    n.auth_epoch = 13;
    n.revoked = true;
    n.token_used = false;
    n.last_seen_at = at(14);
    put(n);
    write([&](transaction& tx) {
        EXPECT_TRUE(same_fields(tx.nodes().lock("dev_1"), n));
        EXPECT_FALSE(tx.nodes().lock("dev_2"));
    });
}

TEST_P(node_store_test, labels_are_unique) {
    put(sample_node("dev_1", "a"));
    EXPECT_THROW(put(sample_node("dev_2", "a")), unique_violation);
}

TEST_P(node_store_test, the_devices_of_a_dead_process_are_set_offline) {
    put(sample_node("dev_1", "a"));
    auto other = sample_node("dev_2", "b");
    other.instance_id = "ins_2";
    put(other);
    EXPECT_EQ(write([](transaction& tx) { return tx.nodes().disconnect_all_of("ins_1"); }), names{"dev_1"});
    EXPECT_EQ(read([](snapshot& seen) { return seen.nodes().find("dev_1")->instance_id; }), std::nullopt);
    EXPECT_EQ(read([](snapshot& seen) { return seen.nodes().find("dev_2")->instance_id; }), "ins_2");
    EXPECT_EQ(read([](snapshot& seen) { return seen.nodes().list({}, 10).size(); }), 2u);
    EXPECT_EQ(read([](snapshot& seen) { return seen.nodes().list("dev_1", 10)[0].device_id; }), "dev_2");
}

TEST_P(node_store_test, a_pairing_comes_back_and_changes) {
    auto p = sample_pairing("pair_1", "dev_1");
    put(p);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.nodes().find_pairing("pair_1"); }), p));
    p.state = "denied";
    p.capabilities = "[]";
    p.expires_at = at(9);
    p.reason.reset();
    put(p);
    write([&](transaction& tx) {
        EXPECT_TRUE(same_fields(tx.nodes().lock_pairing("pair_1"), p));
        EXPECT_FALSE(tx.nodes().lock_pairing("pair_2"));
    });
}

TEST_P(node_store_test, a_device_has_one_pending_pairing) {
    put(sample_pairing("pair_1", "dev_1"));
    EXPECT_THROW(put(sample_pairing("pair_2", "dev_1")), unique_violation);
    auto done = sample_pairing("pair_1", "dev_1");
    done.state = "expired";
    put(done);
    put(sample_pairing("pair_2", "dev_1"));
    EXPECT_EQ(
        read([](snapshot& seen) { return seen.nodes().newest_pairing_of("dev_1")->pairing_id; }), "pair_2"
    );
    auto const count = [this](std::optional<std::string> state, std::optional<std::string> after) {
        return read([=](snapshot& seen) { return seen.nodes().list_pairings(state, after, 10).size(); });
    };
    EXPECT_EQ(count({}, {}), 2u);
    EXPECT_EQ(count("pending", {}), 1u);
    EXPECT_EQ(count({}, "pair_1"), 1u);
}

TEST_P(node_store_test, pending_pairings_run_out) {
    auto old = sample_pairing("pair_1", "dev_1");
    old.expires_at = from_ms(1000);
    put(old);
    put(sample_pairing("pair_2", "dev_2"));
    auto const found = write([](transaction& tx) { return tx.nodes().lock_expired_pairings(10); });
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].pairing_id, "pair_1");
}

TEST_P(node_store_test, an_invocation_comes_back_and_changes) {
    auto i = sample_invocation("inv_1");
    insert(i);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.invocations().find("inv_1"); }), i));
    i.state = "succeeded";
    i.lease_epoch = 12;
    i.attempt = 13;
    i.connection_epoch = 14;
    i.expires_at = at(15);
    i.result.reset();
    i.error = difficult_json;
    i.evidence = "[]";
    i.finished_at.reset();
    write([=](transaction& tx) { tx.invocations().save(i); });
    write([&](transaction& tx) { EXPECT_TRUE(same_fields(tx.invocations().lock("inv_1"), i)); });
}

TEST_P(node_store_test, the_open_invocations_of_a_device_come_oldest_first) {
    for (auto const& each :
         {sample_invocation("inv_2", "sent"), sample_invocation("inv_1", "queued"),
          sample_invocation("inv_3", "failed")}) {
        insert(each);
    }
    auto other = sample_invocation("inv_4");
    other.device_id = "dev_2";
    other.expires_at = from_ms(1000);
    insert(other);
    EXPECT_EQ(
        invocation_ids(write([](transaction& tx) { return tx.invocations().lock_open_of_device("dev_1", 10); }
        )),
        (names{"inv_1", "inv_2"})
    );
    EXPECT_EQ(
        invocation_ids(write([](transaction& tx) { return tx.invocations().lock_expired(10); })),
        names{"inv_4"}
    );
}

ON_BOTH_STORES(node_store_test);

} // namespace
} // namespace gatehouse::persistence
