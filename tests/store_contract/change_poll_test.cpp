// What a process asks twice a second about the rows that others may change.
#include "core/storage/change_poll.hpp"

#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <map>

namespace gatehouse::persistence {
namespace {

using core::snapshot;
using core::transaction;
using strings = std::vector<std::string>;
using namespace testing;

class change_poll_test : public store_fixture {};
ON_BOTH_STORES(change_poll_test);

TEST_P(change_poll_test, runs_with_a_message_or_a_cancellation_have_news) {
    write([](transaction& tx) {
        tx.sessions().insert_if_new(sample_session());
        for (int i = 1; i <= 4; ++i) tx.runs().insert(sample_run("run_" + std::to_string(i), i));
        auto cancelled = *tx.runs().lock("run_2");
        cancelled.cancel_reason = "enough";
        tx.runs().save(cancelled);
        tx.runs().add_to_inbox("run_3", "input", "{}");
        tx.runs().add_to_inbox("run_4", "input", "{}");
    });
    auto news = [this](strings ids) {
        auto found = read([ids](snapshot& view) { return view.runs().with_news(ids); });
        std::ranges::sort(found);
        return found;
    };
    EXPECT_EQ(news({"run_1", "run_2", "run_3", "run_9"}), (strings{"run_2", "run_3"}));
    EXPECT_EQ(news({"run_1"}), strings{});
    EXPECT_EQ(news({}), strings{});
}

TEST_P(change_poll_test, calls_that_ended_and_calls_that_wait_for_a_connection_are_found) {
    write([](transaction& tx) {
        auto here = sample_node("dev_here", "here");
        here.instance_id = "ins_1";
        here.connection_epoch = 5;
        tx.nodes().put(here);
        auto elsewhere = sample_node("dev_elsewhere", "elsewhere");
        elsewhere.instance_id = "ins_2";
        tx.nodes().put(elsewhere);
        auto call = [&](std::string id, std::string device, std::string state, std::int64_t epoch) {
            auto row = sample_invocation(id, state);
            row.device_id = device;
            row.connection_epoch = epoch;
            row.finished_at.reset();
            if (state == "succeeded") row.finished_at = at(9);
            tx.invocations().insert(row);
        };
        call("inv_1", "dev_here", "sent", 5);
        call("inv_2", "dev_elsewhere", "queued", 0);
        call("inv_3", "dev_here", "succeeded", 5);
    });
    auto finished = read([](snapshot& view) {
        return view.invocations().finished_among({"inv_1", "inv_2", "inv_3", "inv_9"});
    });
    EXPECT_EQ(finished, strings{"inv_3"});
    auto waiting = [this] {
        return read([](snapshot& view) { return view.invocations().devices_with_queued("ins_1"); });
    };
    EXPECT_EQ(waiting(), strings{}) << "sent on the newest connection";
    store_->run_from_outside("UPDATE invocations SET connection_epoch = 4 WHERE invocation_id = 'inv_1'");
    EXPECT_EQ(waiting(), strings{"dev_here"}) << "sent on an older one";
    store_->run_from_outside("UPDATE invocations SET state = 'queued' WHERE invocation_id = 'inv_1'");
    EXPECT_EQ(waiting(), strings{"dev_here"});
}

TEST_P(change_poll_test, devices_that_are_not_ours_any_more_and_decided_pairings_are_found) {
    write([](transaction& tx) {
        for (auto const& [id, owner] :
             std::map<std::string, std::string>{{"dev_1", "ins_1"}, {"dev_2", "ins_2"}}) {
            auto n = sample_node(id, id);
            n.instance_id = owner;
            n.revoked = false;
            tx.nodes().put(n);
        }
        auto p = sample_pairing("pair_1", "dev_3");
        p.state = "pending";
        tx.nodes().put_pairing(p);
        p = sample_pairing("pair_2", "dev_4");
        p.state = "approved";
        tx.nodes().put_pairing(p);
    });
    auto taken =
        read([](snapshot& view) { return view.nodes().taken_from("ins_1", {"dev_1", "dev_2", "dev_9"}); });
    std::ranges::sort(taken);
    EXPECT_EQ(taken, (strings{"dev_2", "dev_9"}));
    EXPECT_EQ(
        read([](snapshot& view) { return view.nodes().decided_among({"dev_3", "dev_4"}); }), strings{"dev_4"}
    );
}

TEST_P(change_poll_test, who_cannot_look_for_too_long_says_so_until_it_can) {
    std::atomic<bool> is_away = false;
    failures_.on_statement = [&](std::string_view) {
        if (is_away) throw sql_error("away");
    };
    open();
    strings said;
    int looked = 0;
    core::change_poll::ports to;
    to.watched = [] { return core::watched_rows(); };
    to.on_changes = [&](core::commit_signals const&) { ++looked; };
    to.on_blind = [&](bool blind) { said.push_back(blind ? "blind" : "sees"); };
    core::change_poll poll(loop_, *db_, "ins_1", to);
    start(poll.run());
    ASSERT_TRUE(loop_.run_until([&] { return looked == 1; }));
    is_away = true;
    ASSERT_TRUE(loop_.advance_until([&] { return said == strings{"blind"}; }, std::chrono::milliseconds(100))
    );
    is_away = false;
    ASSERT_TRUE(loop_.advance_until([&] { return said.size() == 2; }, std::chrono::milliseconds(100)));
    EXPECT_EQ(said.back(), "sees");
    poll.stop();
    wait_for_started();
}

} // namespace
} // namespace gatehouse::persistence
