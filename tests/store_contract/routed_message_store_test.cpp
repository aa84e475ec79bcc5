#include "core/channels/routed_message_store.hpp"

#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::routed_message;
using core::transaction;

class routed_message_store_test : public store_fixture {
  protected:
    static routed_message sample(std::string const& message_id) {
        return {
            .principal = "user:a",
            .channel = "chat",
            .message_id = message_id,
            .session_id = "ses_1",
            .run_id = "run_1",
            .blocked_by_run = "run_2",
            .blocked_by_approval = "app_1",
            .received_at = at(1),
        };
    }
    std::optional<routed_message> insert_or_find(routed_message const& m) {
        return write([=](transaction& tx) { return tx.routed_messages().insert_or_find(m); });
    }
};
ON_BOTH_STORES(routed_message_store_test);

TEST_P(routed_message_store_test, the_first_one_takes_the_message_and_the_next_one_finds_it) {
    auto m = sample("1");
    EXPECT_FALSE(insert_or_find(m));
    auto again = m;
    again.run_id = "run_9";
    EXPECT_TRUE(same_fields(insert_or_find(again), m));
    m.blocked_by_run.reset();
    m.blocked_by_approval.reset();
    m.session_id = "ses_2";
    m.run_id = "run_3";
    write([=](transaction& tx) { tx.routed_messages().save(m); });
    EXPECT_TRUE(same_fields(insert_or_find(again), m));
}

TEST_P(routed_message_store_test, principal_channel_and_id_make_the_message) {
    auto const m = sample("1");
    EXPECT_FALSE(insert_or_find(m));
    for (auto change :
         {+[](routed_message& x) { x.principal = "user:b"; }, +[](routed_message& x) { x.channel = "mail"; },
          +[](routed_message& x) { x.message_id = "2"; }}) {
        auto other = m;
        change(other);
        EXPECT_FALSE(insert_or_find(other));
    }
}

TEST_P(routed_message_store_test, old_ones_go_in_chunks) {
    for (int i = 0; i < 5; ++i) {
        auto m = sample(std::to_string(i));
        m.received_at = at(i);
        insert_or_find(m);
    }
    auto remove = [this](std::int64_t limit) {
        return write([=](transaction& tx) { return tx.routed_messages().remove_before(at(3), limit); });
    };
    EXPECT_EQ(remove(2), 2);
    EXPECT_EQ(remove(2), 1);
    EXPECT_EQ(remove(2), 0);
    EXPECT_EQ(store_->run_from_outside("SELECT count(*) FROM routed_messages"), "2");
}

} // namespace
} // namespace gatehouse::persistence
