#include "persistence/db.hpp"

#include "tests/support/store_fixture.hpp"

#include <future>
#include <map>
#include <thread>

namespace gatehouse::persistence {
namespace {

using core::snapshot;
using core::transaction;

class db_test : public testing::store_fixture {
  protected:
    static auto put(std::string key, std::string value = "v") {
        return [=](transaction& tx) { tx.meta().put_if_absent(key, value); };
    }
    std::optional<std::string> get(std::string const& key) {
        return read([=](snapshot& seen) { return seen.meta().get(key); });
    }
    static core::event event(transaction& tx, std::string type) {
        return {
            .event_id = tx.ids().make(),
            .topic = "runs",
            .category = "runs",
            .session_id = {},
            .principal = {},
            .type = std::move(type),
            .occurred_at = tx.now(),
            .payload = R"({"a":"it's \\ \u0000"})",
        };
    }

    // What became of one of several units that were started together.
    struct outcome {
        bool ok = false;
        std::string error;
        int runs = 0;
    };
    core::task<> note(std::function<result<int>(transaction&)> work, outcome& to) {
        auto counted = [work = std::move(work), &to](transaction& tx) {
            ++to.runs;
            return work(tx);
        };
        try {
            auto const got = co_await db_->write(std::move(counted));
            to.ok = got.has_value();
            if (!got) to.error = got.error().message;
        } catch (std::exception const& e) {
            to.error = e.what();
        }
    }

    // Holds the writers at their first statement until `release` is called, so that units gather behind them.
    void hold_writers() {
        hold_ = true;
        failures_.on_statement = [this](std::string_view text) {
            std::unique_lock lock(mutex_);
            if (text == "COMMIT") ++commits_;
            writer_is_held_ = true;
            held_.notify_all();
            held_.wait(lock, [this] { return !hold_; });
        };
    }
    void release() {
        {
            std::lock_guard const lock(mutex_);
            hold_ = false;
        }
        held_.notify_all();
    }
    // Starts the units so that on SQLite all but the first one come in one group.
    void run_together(
        std::vector<std::function<result<int>(transaction&)>> const& units, std::vector<outcome>& to
    ) {
        hold_writers();
        release_together(units, to);
    }
    void release_together(
        std::vector<std::function<result<int>(transaction&)>> const& units, std::vector<outcome>& to
    ) {
        to.resize(units.size() + 1);
        start(note([](transaction&) { return result<int>(0); }, to.back()));
        loop_.run_until_idle();
        {
            std::unique_lock lock(mutex_);
            held_.wait(lock, [this] { return writer_is_held_; });
        }
        for (std::size_t i = 0; i < units.size(); ++i) start(note(units[i], to[i]));
        loop_.run_until_idle();
        release();
        wait_for_started();
    }

    std::mutex mutex_;
    std::condition_variable held_;
    bool hold_ = false;
    bool writer_is_held_ = false;
    int commits_ = 0;
};

TEST_P(db_test, a_unit_that_returns_is_committed) {
    write(put("a"));
    EXPECT_EQ(get("a"), "v");
}

TEST_P(db_test, a_unit_that_returns_an_error_or_throws_leaves_nothing) {
    auto const refused = write([](transaction& tx) -> result<int> {
        tx.meta().put_if_absent("a", "v");
        return fail(errc::wrong_state, "no");
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "no");
    auto const throwing = [](transaction& tx) {
        tx.meta().put_if_absent("b", "v");
        throw std::runtime_error("bug");
    };
    EXPECT_THROW(write(throwing), std::runtime_error);
    EXPECT_EQ(get("a"), std::nullopt);
    EXPECT_EQ(get("b"), std::nullopt);
}

TEST_P(db_test, a_read_sees_one_snapshot) {
    write(put("a", "old"));
    // It is run again with a transaction around it, once it is seen to read twice.
    auto const seen = read([this](snapshot& now) {
        auto before = now.meta().get("a");
        std::thread([&] { store_->run_from_outside("UPDATE meta SET value = value || '+' WHERE key = 'a'"); }
        ).join();
        return before == now.meta().get("a");
    });
    EXPECT_TRUE(seen);
    EXPECT_EQ(get("a"), "old++");
}

TEST_P(db_test, a_unit_that_reads_twice_is_known_by_then) {
    int runs = 0;
    for (int i = 0; i < 2; ++i) {
        read([&](snapshot& now) {
            ++runs;
            return now.meta().get("a") == now.meta().get("b");
        });
    }
    EXPECT_GE(runs, 3);
    EXPECT_LE(runs, 4) << "each session learns it once";
}

TEST_P(db_test, units_that_wait_together_are_committed_together) {
    std::vector<outcome> to;
    std::vector<std::function<result<int>(transaction&)>> units;
    for (int i = 0; i < 50; ++i) {
        units.push_back([i](transaction& tx) -> result<int> {
            tx.meta().put_if_absent("k" + std::to_string(i), "v");
            return 0;
        });
    }
    run_together(units, to);
    for (auto const& each : to) EXPECT_TRUE(each.ok) << each.error;
    EXPECT_EQ(get("k49"), "v");
    // The first one alone, then groups; PostgreSQL's are of 16 at most, and its other writer may have begun
    // early.
    EXPECT_LE(commits_, is_postgres() ? 6 : 2);
}

TEST_P(db_test, a_unit_that_fails_in_a_group_fails_alone) {
    std::vector<outcome> to;
    run_together(
        {[](transaction& tx) -> result<int> {
             tx.meta().put_if_absent("first", "v");
             tx.publish(event(tx, "first"));
             return 0;
         },
         [](transaction& tx) -> result<int> {
             tx.meta().put_if_absent("second", "v");
             tx.publish(event(tx, "second"));
             return fail(errc::wrong_state, "refused");
         },
         [](transaction& tx) -> result<int> {
             tx.meta().put_if_absent("third", "v");
             throw std::runtime_error("bug");
         },
         [](transaction& tx) -> result<int> {
             tx.meta().put_if_absent("fourth", "v");
             core::token const t{
                 .token_id = "tok_1",
                 .hash = "h",
                 .kind = "nonsense",
                 .principal = "p",
                 .scopes = {},
                 .label = {},
                 .device_id = {},
                 .created_at = tx.now(),
                 .expires_at = {},
                 .revoked_at = {}
             };
             tx.tokens().insert(t);
             return 0;
         },
         [](transaction& tx) -> result<int> {
             tx.meta().put_if_absent("fifth", "v");
             tx.publish(event(tx, "fifth"));
             return 0;
         }},
        to
    );
    EXPECT_TRUE(to[0].ok);
    EXPECT_EQ(to[1].error, "refused");
    EXPECT_EQ(to[2].error, "bug");
    EXPECT_FALSE(to[3].ok);
    EXPECT_TRUE(to[4].ok);
    // Postgres gives up a transaction in which a statement failed; then each unit is run by itself.
    for (auto const& each : to) EXPECT_LE(each.runs, is_postgres() ? 2 : 1);
    EXPECT_EQ(get("first"), "v");
    EXPECT_EQ(get("second"), std::nullopt);
    EXPECT_EQ(get("third"), std::nullopt);
    EXPECT_EQ(get("fourth"), std::nullopt);
    EXPECT_EQ(get("fifth"), "v");
    auto const page = read([](snapshot& seen) { return seen.events().read(0, 10); });
    ASSERT_EQ(page.events.size(), 2u);
    EXPECT_EQ(page.events[0].value.type == "first" || is_postgres(), true);
    EXPECT_EQ(page.oldest_seq, 1);
}

TEST_P(db_test, a_group_whose_commit_fails_is_run_again_unit_by_unit) {
    std::vector<outcome> to;
    std::atomic<bool> failed = false;
    std::map<std::thread::id, int> units_of; // its transaction, on each database thread
    std::vector<std::function<result<int>(transaction&)>> units;
    for (int i = 0; i < 12; ++i) { // more than there are writers
        units.push_back([i](transaction& tx) -> result<int> {
            tx.meta().put_if_absent("k" + std::to_string(i), "v");
            return 0;
        });
    }
    hold_writers();
    auto const held = failures_.on_statement;
    failures_.on_statement = [&, held](std::string_view text) {
        held(text);
        std::lock_guard const lock(mutex_);
        auto& here = units_of[std::this_thread::get_id()];
        if (text == "BEGIN") here = 0;
        if (text == "SAVEPOINT unit") ++here;
        if (text == "COMMIT" && here > 1 && !failed.exchange(true)) throw sql_error("disk full");
    };
    release_together(units, to);
    EXPECT_TRUE(failed);
    for (int i = 0; i < 12; ++i) {
        EXPECT_TRUE(to[static_cast<std::size_t>(i)].ok);
        auto const runs = to[static_cast<std::size_t>(i)].runs;
        EXPECT_TRUE(runs == 2 || (runs == 1 && is_postgres())) << "there another writer may have taken it";
        EXPECT_EQ(get("k" + std::to_string(i)), "v");
    }
}

TEST_P(db_test, a_commit_whose_answer_is_lost_counts_when_it_happened) {
    for (char const* where : {"AFTER COMMIT", "COMMIT"}) {
        int runs = 0;
        std::atomic<bool> planted = false;
        failures_.on_statement = [&](std::string_view text) {
            if (text == where && !planted.exchange(true)) throw connection_lost("the answer was lost");
        };
        write([&runs, where](transaction& tx) {
            ++runs;
            tx.publish(event(tx, where));
        });
        EXPECT_TRUE(planted);
        EXPECT_EQ(runs, std::string_view(where) == "COMMIT" ? 2 : 1) << where;
    }
    failures_.on_statement = {};
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().read(0, 10).events.size(); }), 2u);
}

TEST_P(db_test, a_decision_whose_own_answer_is_lost_is_the_same_decision) {
    std::atomic<int> lost = 0;
    failures_.on_statement = [&](std::string_view text) {
        // The first COMMIT never arrives; then the decision's own COMMIT arrives and its answer doesn't.
        if (text == "COMMIT" && lost == 0 && ++lost == 1) throw connection_lost("lost");
        if (text == "AFTER COMMIT" && lost == 1 && ++lost == 2) throw connection_lost("lost");
    };
    int runs = 0;
    write([&runs](transaction& tx) {
        ++runs;
        tx.publish(event(tx, "once"));
    });
    failures_.on_statement = {};
    EXPECT_EQ(lost, 2);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().read(0, 10).events.size(); }), 1u);
}

TEST_P(db_test, with_each_statement_failing_in_turn_the_state_is_old_or_new) {
    auto const verb = [](int n) {
        return [n](transaction& tx) {
            tx.meta().put_if_absent("a" + std::to_string(n), "v");
            tx.publish(event(tx, "t"));
            tx.meta().put_if_absent("b" + std::to_string(n), "v");
        };
    };
    bool reached_the_end = false;
    int failed = 0;
    for (int n = 0; !reached_the_end && n < 100; ++n) {
        failures_.fail_at(n);
        bool ok = true;
        try {
            write(verb(n));
        } catch (sql_error const&) {
            ok = false;
            ++failed;
        }
        reached_the_end = ok && !failures_.has_failed();
        failures_.heal();
        EXPECT_EQ(get("a" + std::to_string(n)).has_value(), ok) << n;
        EXPECT_EQ(get("b" + std::to_string(n)).has_value(), ok) << n;
    }
    EXPECT_TRUE(reached_the_end);
    EXPECT_GE(failed, 5);
}

TEST_P(db_test, with_each_statement_losing_the_connection_in_turn_it_happens_once) {
    bool reached_the_end = false;
    for (int n = 0; !reached_the_end && n < 100; ++n) {
        std::size_t const before =
            read([](snapshot& seen) { return seen.events().read(0, 1000).events.size(); });
        n % 2 ? failures_.fail_at<connection_lost>(n / 2) : failures_.fail_at<serialization_retry>(n / 2);
        write([n](transaction& tx) {
            tx.meta().put_if_absent("a" + std::to_string(n), "v");
            tx.publish(event(tx, "t"));
        });
        reached_the_end = !failures_.has_failed();
        failures_.heal();
        std::size_t const after =
            read([](snapshot& seen) { return seen.events().read(0, 1000).events.size(); });
        EXPECT_EQ(after, before + 1) << n;
    }
    EXPECT_TRUE(reached_the_end);
}

TEST_P(db_test, signals_reach_the_loop_before_the_coroutine_goes_on) {
    std::vector<std::string> order;
    db_->set_commit_listener([&](core::commit_signals const& s) {
        order.push_back(
            s.outbox && s.queue && s.tapes == std::vector<std::string>{"run_1"} ? "signals" : "wrong"
        );
    });
    write([](transaction& tx) {
        tx.publish(event(tx, "t"));
        tx.signals().queue = true;
        tx.signals().tapes.push_back("run_1");
    });
    order.push_back("resumed");
    EXPECT_EQ(order, (std::vector<std::string>{"signals", "resumed"}));
    EXPECT_FALSE(write([](transaction& tx) -> result<int> {
        tx.signals().queue = true;
        return fail(errc::busy, "no");
    }));
    EXPECT_EQ(order.size(), 2u) << "what was rolled back signals nothing";
}

TEST_P(db_test, more_waiting_units_than_configured_are_refused_as_busy) {
    open({.waiting_units_max = 1, .before_statement = {}});
    hold_writers();
    std::vector<outcome> to(20);
    for (auto& each : to) start(note([](transaction&) { return result<int>(0); }, each));
    loop_.run_until_idle();
    release();
    wait_for_started();
    auto const refused =
        std::ranges::count_if(to, [](auto const& o) { return o.error.starts_with("Too much"); });
    EXPECT_GE(refused, 10);
    EXPECT_LT(refused, 20);
}

TEST_P(db_test, what_comes_after_stop_is_refused_and_what_waited_is_done) {
    std::vector<outcome> to(5);
    hold_writers();
    for (auto& each : to) start(note([](transaction&) { return result<int>(0); }, each));
    loop_.run_until_idle();
    release();
    db_->stop();
    wait_for_started();
    for (auto const& each : to) EXPECT_TRUE(each.ok) << each.error;
    EXPECT_THROW(write(put("late")), core::store_unavailable);
    EXPECT_THROW(get("late"), core::store_unavailable);
}

TEST_P(db_test, a_unit_that_changes_nothing_leaves_no_row_on_sqlite) {
    write(put("a"));
    auto const before = store_->run_from_outside("SELECT max(batch_id) FROM commits");
    write([](transaction& tx) { return tx.meta().get("a").has_value(); });
    EXPECT_EQ(before == store_->run_from_outside("SELECT max(batch_id) FROM commits"), !is_postgres());
    write(put("b"));
    if (!is_postgres()) {
        EXPECT_EQ(store_->run_from_outside("SELECT count(*) FROM commits"), "1");
    }
}

TEST_P(db_test, units_that_fight_for_one_row_all_happen) {
    write(put("count", "0"));
    std::vector<outcome> to(40);
    for (auto& each : to) {
        start(note(
            [](transaction& tx) -> result<int> {
                auto p = tx.policies().lock();
                ++p.version;
                tx.policies().save(p);
                tx.publish(event(tx, "v" + std::to_string(p.version)));
                return 0;
            },
            each
        ));
    }
    wait_for_started();
    for (auto const& each : to) EXPECT_TRUE(each.ok) << each.error;
    EXPECT_EQ(read([](snapshot& seen) { return seen.policies().get().version; }), 40);
    auto const page = read([](snapshot& seen) { return seen.events().read(0, 100); });
    ASSERT_EQ(page.events.size(), 40u);
    for (std::size_t i = 0; i < page.events.size(); ++i) {
        EXPECT_EQ(page.events[i].value.type, "v" + std::to_string(i + 1))
            << "the log is in the order of commits";
    }
}

TEST_P(db_test, a_server_that_ends_the_sessions_is_not_noticed_by_callers) {
    if (!is_postgres()) GTEST_SKIP() << "a file ends no sessions";
    for (int i = 0; i < 3; ++i) {
        store_->run_from_outside(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse' "
            "AND datname = current_database()"
        );
        write(put("k" + std::to_string(i)));
        EXPECT_EQ(get("k" + std::to_string(i)), "v");
    }
}

ON_BOTH_STORES(db_test);

} // namespace
} // namespace gatehouse::persistence
