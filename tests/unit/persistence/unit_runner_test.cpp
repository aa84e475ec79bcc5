// What only a real disk shows: SQLite ends the transaction by itself.
#include "persistence/unit_runner.hpp"

#include "tests/support/fresh_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/seeded_random.hpp"

#include <gtest/gtest.h>

namespace gatehouse::persistence {
namespace {

// Puts an artifact of a certain size.
class put_artifact final : public write_unit {
  public:
    put_artifact(std::string id, std::size_t size) : id_(std::move(id)), data_(size, 'x') {}

    bool run(core::transaction& tx) override {
        ++runs;
        core::artifact const a{
            .artifact_id = id_,
            .size = static_cast<std::int64_t>(data_.size()),
            .media_type = "m",
            .name = {},
            .in_directory = false,
            .created_at = tx.now()
        };
        tx.artifacts().put(a, data_, "user:a");
        return true;
    }
    void finished(std::exception_ptr why) override {
        ++ends;
        failure = std::move(why);
    }

    int runs = 0;
    int ends = 0;
    std::exception_ptr failure;

  private:
    std::string id_;
    std::string data_;
};

TEST(unit_runner_test, a_full_disk_in_the_middle_of_a_group_loses_no_acknowledged_unit) {
    testing::fresh_store const store(store_url::backend::sqlite);
    testing::manual_clock const own_time;
    core::store_clock time(own_time);
    testing::seeded_random random;
    core::id_source ids(time, random);
    stop_gate gate;
    auto const of = dialect::make(store.url(), time);
    store_session session(*of);
    server_history history;
    unit_runner runner(session, history, time, ids, gate, [&](unit_runner::ending told) {
        for (auto& [unit, why] : told.units) unit->finished(std::move(why));
    });
    auto const pages = store.run_from_outside("PRAGMA page_count");
    session.statements().script("PRAGMA max_page_count = " + std::to_string(std::stoi(pages) + 20));

    put_artifact first("art_1", 100);
    put_artifact too_large("art_2", 1 << 20);
    put_artifact last("art_3", 100);
    std::vector<write_unit*> const group{&first, &too_large, &last};
    runner.run(group);

    for (auto const* each : {&first, &too_large, &last}) EXPECT_EQ(each->ends, 1);
    EXPECT_FALSE(first.failure);
    EXPECT_TRUE(too_large.failure);
    EXPECT_FALSE(last.failure);
    EXPECT_EQ(first.runs, 2) << "the group was gone, so each unit ran again by itself";
    EXPECT_EQ(store.run_from_outside("SELECT count(*) FROM artifacts"), "2");
    EXPECT_EQ(store.run_from_outside("PRAGMA integrity_check"), "ok");
}

} // namespace
} // namespace gatehouse::persistence
