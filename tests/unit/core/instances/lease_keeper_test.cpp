#include "core/instances/lease_keeper.hpp"

#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class lease_keeper_test : public run_fixture {
  protected:
    instance self() {
        instance i;
        i.instance_id = settings_.instance_id;
        i.incarnation = "of " + i.instance_id;
        i.lease_ms = 60'000;
        return i;
    }
};
ON_BOTH_STORES(lease_keeper_test);

TEST_P(lease_keeper_test, who_begins_anew_keeps_no_run_that_it_claimed_after_it_was_declared_dead) {
    int lost = 0;
    int regained = 0;
    lease_keeper keeper(loop_, *db_, self(), [&] { ++lost; }, [&] { ++regained; });
    store_fixture::start(keeper.start());
    wait_for_started();
    write([me = settings_.instance_id](transaction& tx) { declare_dead(tx, me, "its lease lapsed"); });
    auto lease = start();
    store_fixture::start(keeper.run());
    ASSERT_TRUE(loop_.advance_until([&] { return regained == 1; }, 1s));
    EXPECT_EQ(lost, 1);
    EXPECT_EQ(get(lease.run_id).lease_owner, std::nullopt);
    EXPECT_EQ(claim_one().run_id, lease.run_id);
    keeper.stop();
    wait_for_started();
}

TEST_P(lease_keeper_test, a_run_whose_owner_is_nowhere_to_be_found_is_taken_from_it) {
    auto lease = start(); // by a process that was declared dead, and died before it knew
    settings_.instance_id = "ins_b";
    auto mine = self();
    mine.lease_ms = 1'000;
    lease_keeper keeper(loop_, *db_, mine, [] {}, [] {});
    store_fixture::start(keeper.start());
    wait_for_started();
    store_fixture::start(keeper.watch_for_ownerless_runs());
    ASSERT_TRUE(loop_.advance_until([&] { return !get(lease.run_id).lease_owner; }, 500ms));
    EXPECT_EQ(claim_one().run_id, lease.run_id);
    keeper.stop();
    wait_for_started();
}

} // namespace
} // namespace gatehouse::core
