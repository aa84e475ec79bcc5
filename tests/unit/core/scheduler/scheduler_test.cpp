#include "core/scheduler/scheduler.hpp"

#include "core/triggers/change_trigger.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class scheduler_test : public testing::store_fixture {
  protected:
    void SetUp() override {
        store_fixture::SetUp();
        if (IsSkipped()) return;
        router_ = std::make_unique<node_router>(loop_, *db_, secrets_);
        db_->set_commit_listener([this](commit_signals const& signals) {
            for (auto const& each : schedulers_) each->on_signals(signals);
        });
    }
    void TearDown() override {
        for (auto const& each : schedulers_) each->stop();
        if (db_) wait_for_started();
        store_fixture::TearDown();
    }

    // A process with a lease and a scheduler of its own.
    scheduler& begin(std::string instance_id) {
        instance i;
        i.instance_id = instance_id;
        i.incarnation = "of " + instance_id;
        i.lease_ms = 600'000;
        i.started_at = time_.now();
        write([i](transaction& tx) { tx.instances().insert(i); });
        auto settings = std::make_unique<run_settings>();
        settings->instance_id = instance_id;
        settings_.push_back(std::move(settings));
        schedulers_.push_back(std::make_unique<scheduler>(loop_, *db_, *router_, *settings_.back(), kept_));
        start(schedulers_.back()->run());
        return *schedulers_.back();
    }
    std::optional<std::string> leader() {
        return read([](snapshot& view) { return view.leader().look().instance_id; });
    }
    void wait_for_leader(std::optional<std::string> const& expected) {
        ASSERT_TRUE(loop_.advance_until([&] { return leader() == expected; }, 100ms));
    }
    trigger put_interval(std::string name, std::int64_t every_ms) {
        trigger t;
        t.name = std::move(name);
        t.every_ms = every_ms;
        t.input = R"({"text":"hello"})";
        return *write([t](transaction& tx) { return put_trigger(tx, t, {"ada", false}); });
    }
    std::vector<trigger_firing> firings(trigger const& of) {
        return read([id = of.trigger_id](snapshot& view) {
            return view.triggers().firings(id, std::nullopt, 100);
        });
    }
    // The store's time goes with the loop's.
    bool pass_until(std::function<bool()> const& done) {
        return loop_.advance_until(
            [&] {
                time_.set(begin_ + std::chrono::floor<std::chrono::milliseconds>(loop_.elapsed()));
                return done();
            },
            50ms
        );
    }

    timestamp const begin_ = testing::manual_clock::new_year;
    secret_filter secrets_;
    retention_times kept_;
    std::unique_ptr<node_router> router_;
    std::vector<std::unique_ptr<run_settings>> settings_;
    std::vector<std::unique_ptr<scheduler>> schedulers_;
};
ON_BOTH_STORES(scheduler_test);

TEST_P(scheduler_test, one_leads_and_the_next_takes_over_when_it_stops) {
    auto& a = begin("ins_a");
    wait_for_leader("ins_a");
    begin("ins_b");
    loop_.advance(3s);
    EXPECT_EQ(leader(), "ins_a");
    a.stop();
    wait_for_leader("ins_b");
}

TEST_P(scheduler_test, a_leader_whose_lease_is_gone_is_replaced) {
    begin("ins_a");
    wait_for_leader("ins_a");
    begin("ins_b");
    auto left = write([](transaction& tx) {
        tx.instances().remove("ins_a");
        return tx.leader().look().instance_id;
    });
    EXPECT_EQ(left, std::nullopt);
    wait_for_leader("ins_b");
}

TEST_P(scheduler_test, a_trigger_fires_at_its_time_and_again) {
    begin("ins_a");
    wait_for_leader("ins_a");
    auto t = put_interval("tick", 1'000);
    ASSERT_TRUE(pass_until([&] { return firings(t).size() >= 2; }));
    auto found = firings(t);
    EXPECT_EQ(found[0].due_at - found[1].due_at, 1s);
    EXPECT_EQ(found[1].due_at, t.next_fire_at);
    for (auto const& f : found) EXPECT_EQ(f.state, firing_state::fired);
}

TEST_P(scheduler_test, a_trigger_that_cannot_fire_keeps_no_other_from_firing) {
    begin("ins_a");
    wait_for_leader("ins_a");
    auto broken = put_interval("broken", 1'000);
    auto sound = put_interval("sound", 1'000);
    auto bad = broken;
    bad.input = "no JSON at all";
    write([bad](transaction& tx) { tx.triggers().save(bad); });
    ASSERT_TRUE(pass_until([&] { return firings(sound).size() >= 2; }));
    EXPECT_TRUE(firings(broken).empty());
}

TEST_P(scheduler_test, however_long_it_fires_what_comes_due_meanwhile_is_late_and_not_missed) {
    auto& only = begin("ins_a");
    wait_for_leader("ins_a");
    int slow = 2;
    db_->set_commit_listener([&](commit_signals const& signals) {
        if (signals.queue && slow-- > 0) time_.advance(6s);
        only.on_signals(signals);
    });
    std::vector<trigger> const all{
        put_interval("a", 1'000), put_interval("b", 1'000), put_interval("c", 1'000)
    };
    time_.advance(1s);
    ASSERT_TRUE(loop_.advance_until(
        [&] { return std::ranges::all_of(all, [&](auto const& t) { return firings(t).size() >= 7; }); }, 50ms
    ));
    for (auto const& t : all)
        for (auto const& f : firings(t)) EXPECT_EQ(f.state, firing_state::fired) << t.name;
}

TEST_P(scheduler_test, slots_before_the_first_scheduler_are_an_outage) {
    auto t = put_interval("tick", 1'000);
    auto overdue = t;
    overdue.next_fire_at = *t.next_fire_at - 5s;
    write([overdue](transaction& tx) { tx.triggers().save(overdue); });
    begin("ins_a");
    ASSERT_TRUE(pass_until([&] { return firings(t).size() >= 4; }));
    auto oldest = firings(t).back();
    EXPECT_EQ(oldest.due_at, overdue.next_fire_at);
    EXPECT_EQ(oldest.state, firing_state::missed);
}

TEST_P(scheduler_test, what_is_old_is_forgotten) {
    kept_.events = 1h;
    kept_.firings = 1h;
    auto t = put_interval("tick", 3'600'000);
    write([id = t.trigger_id, now = time_.now()](transaction& tx) {
        for (auto age : {2h, 0h}) {
            trigger_firing f;
            f.trigger_id = id;
            f.due_at = now - age;
            f.slot = format_timestamp(f.due_at);
            tx.triggers().insert_firing_if_new(f);
        }
    });
    begin("ins_a");
    ASSERT_TRUE(pass_until([&] { return firings(t).size() == 1; }));
}

TEST_P(scheduler_test, keys_are_forgotten_after_a_day_however_many_they_are) {
    write([now = time_.now()](transaction& tx) {
        for (int n = 0; n < 2'500; ++n) { // more than one transaction removes
            auto const age = n == 0 ? 23h : 25h;
            tx.idempotency().insert_or_find({"ada", "run.start", std::to_string(n)}, "hash", now - age);
        }
    });
    begin("ins_a");
    auto count = [&] { return store_->run_from_outside("SELECT count(*) FROM idempotency"); };
    ASSERT_TRUE(pass_until([&] { return count() == "1"; }));
}

} // namespace
} // namespace gatehouse::core
