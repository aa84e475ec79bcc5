#include "core/nodes/connect_node.hpp"

#include "core/nodes/change_pairing.hpp"
#include "core/nodes/node_store.hpp"
#include "core/tokens/token_store.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class connect_node_test : public testing::store_fixture {
  protected:
    token make_invite(std::string id = "invite") {
        token t;
        t.token_id = std::move(id);
        t.hash = "hash of " + t.token_id;
        t.kind = "invite";
        t.principal = "ada";
        t.created_at = time_.now();
        write([t](transaction& tx) { tx.tokens().insert(t); });
        return t;
    }
    // `minted`: the hash of the token that the device gets where it gets one.
    result<node_admission>
    connect(token const& with, std::string minted = "minted", std::string device = "dev_1") {
        device_claim claim;
        claim.device_id = std::move(device);
        claim.public_key = "key";
        return write([=](transaction& tx) { return connect_node(tx, with, claim, {minted}, "ins_1", 1h); });
    }
    void approve(std::string const& pairing_id) {
        pairing_approval wanted;
        wanted.pairing_id = pairing_id;
        wanted.decided_by = "ada";
        ASSERT_TRUE(write([=](transaction& tx) { return approve_pairing(tx, wanted); }));
    }
    token find_token(std::string const& hash) {
        return *read([hash](snapshot& view) { return view.tokens().find_by_hash(hash); });
    }
};
ON_BOTH_STORES(connect_node_test);

TEST_P(connect_node_test, an_invite_makes_one_pending_pairing_of_the_first_device_that_comes_with_it) {
    auto const invite = make_invite();
    auto const first = connect(invite);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->state, "pending");
    EXPECT_EQ(connect(invite)->pairing_id, first->pairing_id);
    auto const other = connect(invite, "minted", "dev_2");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, errc::forbidden);
}

TEST_P(connect_node_test, the_invite_gives_tokens_until_the_device_has_used_one) {
    auto const invite = make_invite();
    approve(connect(invite)->pairing_id);
    EXPECT_TRUE(connect(invite, "lost on the way")->token_issued);
    EXPECT_TRUE(connect(invite, "arrived")->token_issued);
    EXPECT_TRUE(find_token("lost on the way").revoked_at);
    auto const paired = connect(find_token("arrived"));
    ASSERT_TRUE(paired);
    EXPECT_FALSE(paired->token_issued);
    EXPECT_EQ(paired->connection_epoch, 3);
    auto const late = connect(invite, "stolen");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::forbidden);
}

TEST_P(connect_node_test, a_node_token_opens_no_other_device) {
    auto const invite = make_invite();
    approve(connect(invite)->pairing_id);
    ASSERT_TRUE(connect(invite, "its own"));
    auto const other = connect(find_token("its own"), "minted", "dev_2");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, errc::forbidden);
}

} // namespace
} // namespace gatehouse::core
