// The traps of SOCI and of the databases behind it, each with the test that it stays shut.
#include "persistence/sql.hpp"

#include "tests/support/fresh_store.hpp"
#include "tests/support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gatehouse::persistence {
namespace {

class sql_test : public testing::on_each_store {
  protected:
    void SetUp() override {
        on_each_store::SetUp();
        if (IsSkipped()) return;
        store_ = std::make_unique<testing::fresh_store>(GetParam());
        of_ = dialect::make(store_->url(), time_);
        session_ = std::make_unique<sql>(*of_);
        sql_transaction made(*session_, access::write);
        session_->script(
            "CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT UNIQUE, weight DOUBLE PRECISION, data " +
            std::string(of_->is_postgres() ? "BYTEA" : "BLOB") +
            ", size BIGINT CHECK (size < 1000000000000));" +
            "CREATE TABLE parts (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL REFERENCES things (id) "
            "DEFERRABLE INITIALLY DEFERRED)"
        );
        made.commit();
    }

    sql& db() { return *session_; }
    bool is_postgres() const { return of_->is_postgres(); }
    void insert(std::int64_t id, std::optional<std::string> const& name = {}) {
        db().exec("INSERT INTO things (id, name) VALUES (:id, :name)", id, name);
    }
    std::int64_t count() {
        sql other(*of_);
        sql_transaction const seen(other, access::read);
        return *other.row<std::int64_t>("SELECT count(*) FROM things");
    }

    testing::manual_clock time_;
    std::unique_ptr<testing::fresh_store> store_;
    std::unique_ptr<dialect> of_;
    std::unique_ptr<sql> session_;
};

TEST_P(sql_test, every_type_comes_back_as_it_went_in) {
    sql_transaction const whole(db(), access::write);
    std::string all_bytes;
    for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
    std::string const text = "quotes ' \" \\ : and ;  \xf0\x9f\x90\x99 \n\t";
    auto const big = std::numeric_limits<std::int32_t>::max() * std::int64_t{100};
    db().exec(
        "INSERT INTO things (id, name, weight, data, size) VALUES (:id, :name, :weight, :data, :size)",
        std::int64_t{-1}, text, 0.1 + 0.2, bytes_view{all_bytes}, big
    );
    auto const found = db().row<std::int64_t, std::string, double, bytes, std::int64_t>(
        "SELECT id, name, weight, data, size FROM things"
    );
    ASSERT_TRUE(found);
    auto const& [id, name, weight, data, size] = *found;
    EXPECT_EQ(id, -1);
    EXPECT_EQ(name, text);
    EXPECT_EQ(weight, 0.1 + 0.2);
    EXPECT_EQ(data.value, all_bytes);
    EXPECT_EQ(size, big) << "not cut to 32 bits";
}

TEST_P(sql_test, flags_instants_and_absent_values_come_back) {
    sql_transaction const whole(db(), access::write);
    insert(1);
    db().exec("UPDATE things SET size = :at WHERE id = :id", from_ms(1234), 1);
    EXPECT_EQ((db().row<timestamp>("SELECT size FROM things")), from_ms(1234));
    db().exec("UPDATE things SET size = :flag", true);
    EXPECT_EQ(db().row<bool>("SELECT size FROM things"), true);
    db().exec("UPDATE things SET size = :none", std::optional<timestamp>());
    EXPECT_EQ(*db().row<std::optional<timestamp>>("SELECT size FROM things"), std::nullopt);
    EXPECT_THROW(db().row<timestamp>("SELECT size FROM things"), sql_error);
}

TEST_P(sql_test, counts_and_maxima_are_numbers) {
    sql_transaction const whole(db(), access::write);
    insert(5'000'000'000);
    auto const found = db().row<std::int64_t, std::int64_t>("SELECT count(*), max(id) FROM things");
    EXPECT_EQ(found, std::tuple(1, 5'000'000'000));
}

TEST_P(sql_test, a_kept_statement_takes_new_values_each_time) {
    sql_transaction const whole(db(), access::write);
    for (int i = 0; i < 5; ++i) insert(i, i % 2 ? std::optional("n" + std::to_string(i)) : std::nullopt);
    auto const found =
        db().rows<std::int64_t, std::optional<std::string>>("SELECT id, name FROM things ORDER BY id");
    ASSERT_EQ(found.size(), 5u);
    EXPECT_EQ(std::get<1>(found[0]), std::nullopt);
    EXPECT_EQ(std::get<1>(found[1]), "n1");
    EXPECT_EQ(std::get<1>(found[4]), std::nullopt);
}

TEST_P(sql_test, what_is_left_for_later_is_written_before_the_next_statement_and_the_commit) {
    std::string const text = "o'Brien \\ \"quoted\" $1 :id; DROP TABLE things; ü\n";
    {
        sql_transaction whole(db(), access::write);
        static constexpr statement add =
            "INSERT INTO things (id, name, weight, size) SELECT :id, CAST(:name AS TEXT), :weight, :size "
            "WHERE NOT EXISTS (SELECT 1 FROM things WHERE id = :id)";
        db().exec_later(add, -1, text, 0.1 + 0.2, std::optional<std::int64_t>());
        db().exec_later(add, 2, std::optional<std::string>(), -1e300, std::int64_t{9'000'000'000});
        db().exec_later(add, 2, "a second one", 0.0, std::int64_t{0});
        auto const seen =
            db().rows<std::int64_t, std::optional<std::string>, double, std::optional<std::int64_t>>(
                "SELECT id, name, weight, size FROM things ORDER BY id"
            );
        ASSERT_EQ(seen.size(), 2u);
        EXPECT_EQ(seen[0], std::tuple(-1, text, 0.1 + 0.2, std::nullopt));
        EXPECT_EQ(seen[1], std::tuple(2, std::nullopt, -1e300, 9'000'000'000));
        db().exec_later("UPDATE things SET size = 3");
        whole.commit();
    }
    sql_transaction const whole(db(), access::read);
    EXPECT_EQ(db().row<std::int64_t>("SELECT count(*) FROM things WHERE size = 3"), 2);
}

TEST_P(sql_test, what_is_left_for_later_goes_with_its_transaction) {
    {
        sql_transaction const whole(db(), access::write);
        db().exec_later("INSERT INTO things (id) VALUES (:id)", 1);
    }
    {
        sql_transaction whole(db(), access::write);
        insert(2);
        auto const again = [&] {
            db().exec_later("INSERT INTO things (id) VALUES (:id)", 2);
            whole.commit();
        };
        EXPECT_THROW(again(), unique_violation) << "at the latest with the COMMIT";
    }
    sql_transaction const whole(db(), access::read);
    EXPECT_EQ(db().row<std::int64_t>("SELECT count(*) FROM things"), 0);
}

TEST_P(sql_test, one_statement_goes_without_a_transaction_and_a_second_one_does_not) {
    db().begin_single();
    EXPECT_EQ(db().row<std::int64_t>("SELECT count(*) FROM things"), 0);
    EXPECT_THROW(db().row<std::int64_t>("SELECT count(*) FROM things"), sql::second_statement);
    db().rollback();
    EXPECT_THROW(db().row<std::int64_t>("SELECT count(*) FROM things"), std::logic_error);
    sql_transaction const whole(db(), access::read);
    EXPECT_EQ(db().row<std::int64_t>("SELECT count(*) FROM things"), 0);
}

TEST_P(sql_test, a_parameter_may_appear_twice_and_is_given_once) {
    sql_transaction const whole(db(), access::write);
    insert(7, "seven");
    EXPECT_EQ(
        db().row<std::int64_t>(
            "SELECT id FROM things WHERE id = :id OR (name = :name AND id <> :id)", 7, "x"
        ),
        7
    );
}

TEST_P(sql_test, exec_tells_how_many_rows_changed) {
    sql_transaction const whole(db(), access::write);
    insert(1);
    insert(2);
    EXPECT_EQ(db().exec("UPDATE things SET size = 3"), 2);
    EXPECT_EQ(db().exec("UPDATE things SET size = 4 WHERE id = :id", 9), 0);
    EXPECT_EQ(db().exec("INSERT INTO things (id) VALUES (:id) ON CONFLICT DO NOTHING", 1), 0);
}

TEST_P(sql_test, returning_with_one_row_read_changes_every_row_and_leaves_no_lock) {
    {
        sql_transaction whole(db(), access::write);
        for (int i = 0; i < 3; ++i) insert(i);
        EXPECT_TRUE(db().row<std::int64_t>("UPDATE things SET size = 1 WHERE id < :below RETURNING id", 3));
        whole.commit();
    }
    sql other(*of_);
    sql_transaction next(other, access::write);
    EXPECT_EQ(other.exec("UPDATE things SET size = 2 WHERE size = 1"), 3);
    next.commit();
}

TEST_P(sql_test, a_select_that_failed_while_its_rows_were_read_leaves_no_snapshot) {
    {
        sql_transaction whole(db(), access::write);
        insert(1, "a");
        insert(2);
        insert(3, "c");
        whole.commit();
    }
    {
        sql_transaction const broken(db(), access::read);
        EXPECT_THROW(db().rows<std::string>("SELECT name FROM things ORDER BY id"), sql_error);
    }
    if (!is_postgres()) {
        EXPECT_EQ(store_->run_from_outside("PRAGMA wal_checkpoint(TRUNCATE)"), "0") << "busy";
    }
    sql_transaction whole(db(), access::write);
    insert(4);
    whole.commit();
    EXPECT_EQ(count(), 4);
}

TEST_P(sql_test, a_deferred_violation_of_insert_returning_is_an_error_of_commit) {
    sql_transaction whole(db(), access::write);
    EXPECT_TRUE(
        db().row<std::int64_t>("INSERT INTO parts (id, thing) VALUES (:id, :thing) RETURNING id", 1, 99)
    );
    EXPECT_THROW(whole.commit(), constraint_violation);
}

TEST_P(sql_test, commit_after_a_failed_statement_never_loses_silently) {
    bool committed = false;
    {
        sql_transaction whole(db(), access::write);
        insert(1);
        EXPECT_THROW(insert(1), unique_violation);
        try {
            whole.commit();
            committed = true;
        } catch (sql_error const&) {
        }
    }
    EXPECT_EQ(count(), committed ? 1 : 0);
    if (is_postgres()) {
        EXPECT_FALSE(committed);
    }
}

TEST_P(sql_test, errors_have_types_and_hold_no_values) {
    struct failure {
        char const* what;
        std::function<void()> make;
        bool is_unique;
    };
    failure const failures[] = {
        {"primary key", [&] { insert(1); }, true},
        {"unique", [&] { insert(2, "secret"); }, true},
        {"check", [&] { db().exec("UPDATE things SET size = :size", 1'000'000'000'000); }, false},
        {"not null",
         [&] { db().exec("INSERT INTO parts (id, thing) VALUES (1, :none)", std::optional<std::int64_t>()); },
         false},
    };
    {
        sql_transaction whole(db(), access::write);
        insert(1, "secret");
        whole.commit();
    }
    for (auto const& each : failures) {
        sql_transaction const whole(db(), access::write);
        try {
            each.make();
            ADD_FAILURE() << each.what;
        } catch (unique_violation const& e) {
            EXPECT_TRUE(each.is_unique) << each.what;
            EXPECT_EQ(std::string(e.what()).find("secret"), std::string::npos) << e.what();
        } catch (constraint_violation const& e) {
            EXPECT_FALSE(each.is_unique) << each.what << e.what();
        }
    }
    sql_transaction const whole(db(), access::write);
    EXPECT_THROW(db().exec("UPDATE nothing SET x = 1"), sql_error);
}

TEST_P(sql_test, a_text_with_a_nul_byte_is_refused) {
    sql_transaction const whole(db(), access::write);
    EXPECT_THROW(insert(1, std::string("a\0b", 3)), sql_error);
    insert(1, "whole");
    EXPECT_EQ(db().row<std::string>("SELECT name FROM things"), "whole");
}

TEST_P(sql_test, statements_are_prepared_again_after_a_reopened_session) {
    {
        sql_transaction whole(db(), access::write);
        insert(1);
        whole.commit();
    }
    db().reopen();
    sql_transaction whole(db(), access::write);
    insert(2);
    whole.commit();
    EXPECT_EQ(count(), 2);
}

TEST_P(sql_test, a_session_that_is_gone_is_a_lost_connection_and_can_be_reopened) {
    if (!is_postgres()) GTEST_SKIP() << "a file has no session that others could end";
    {
        sql_transaction const whole(db(), access::write);
        insert(1);
        store_->run_from_outside(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse'"
        );
        EXPECT_THROW(insert(2), connection_lost);
    }
    EXPECT_THROW(sql_transaction(db(), access::write), connection_lost);
    db().reopen();
    sql_transaction whole(db(), access::write);
    insert(3);
    whole.commit();
    EXPECT_EQ(count(), 1);
}

TEST_P(sql_test, a_session_that_idles_in_a_transaction_loses_its_locks) {
    if (!is_postgres()) GTEST_SKIP() << "a stopped process holds SQLite's lock; nobody else needs it";
    sql_transaction const seen(db(), access::read);
    EXPECT_EQ(db().row<std::string>("SELECT current_setting('idle_in_transaction_session_timeout')"), "2s");
    EXPECT_EQ(db().row<std::string>("SELECT current_setting('lock_timeout')"), "1s");
    EXPECT_EQ(db().row<std::string>("SELECT current_setting('transaction_isolation')"), "repeatable read");
}

TEST_P(sql_test, a_held_row_lock_is_a_retry_not_an_endless_wait) {
    if (!is_postgres()) GTEST_SKIP() << "SQLite has one writer";
    {
        sql_transaction whole(db(), access::write);
        insert(1);
        whole.commit();
    }
    sql other(*of_);
    sql_transaction const first(db(), access::write);
    db().exec("UPDATE things SET size = 1");
    sql_transaction const second(other, access::write);
    EXPECT_THROW(other.exec("UPDATE things SET size = 2"), serialization_retry);
}

TEST_P(sql_test, a_second_writer_waits_at_begin) {
    if (is_postgres()) GTEST_SKIP() << "writers of PostgreSQL run side by side";
    sql other(*of_);
    {
        sql_transaction const seen(other, access::write);
        other.script("PRAGMA busy_timeout = 1");
    }
    sql_transaction const first(db(), access::write);
    EXPECT_THROW(sql_transaction(other, access::write), serialization_retry);
}

TEST_P(sql_test, a_statement_outside_of_a_transaction_is_a_bug) {
    EXPECT_THROW(db().row<std::int64_t>("SELECT count(*) FROM things"), std::logic_error);
    EXPECT_THROW(insert(1), std::logic_error);
}

TEST_P(sql_test, a_wrong_number_of_values_or_columns_is_a_bug) {
    sql_transaction const whole(db(), access::write);
    EXPECT_THROW(db().exec("UPDATE things SET size = :size"), std::logic_error);
    EXPECT_THROW(db().exec("SELECT count(*) FROM things"), std::logic_error);
    EXPECT_THROW((db().row<std::int64_t>("SELECT id, size FROM things")), std::logic_error);
}

TEST_P(sql_test, only_one_statement_of_a_script_failing_fails_the_script) {
    sql_transaction const whole(db(), access::write);
    EXPECT_THROW(
        db().script("INSERT INTO things (id) VALUES (1); INSERT INTO things (id) VALUES (1)"),
        unique_violation
    );
}

TEST_P(sql_test, an_unfinished_transaction_is_rolled_back) {
    {
        sql_transaction const whole(db(), access::write);
        insert(1);
    }
    EXPECT_EQ(count(), 0);
    EXPECT_FALSE(db().can_go_on());
}

TEST_P(sql_test, the_time_is_the_clock_port_on_sqlite_and_the_servers_on_postgres) {
    sql_transaction const seen(db(), access::read);
    auto const now = *db().row<timestamp>("SELECT now_ms()");
    if (is_postgres()) {
        EXPECT_NE(now, time_.now());
        EXPECT_LT(std::chrono::abs(now - std::chrono::system_clock::now()), std::chrono::minutes(1));
    } else {
        EXPECT_EQ(now, time_.now());
    }
}

TEST_P(sql_test, the_hook_sees_each_statement_and_fails_it) {
    int seen = 0;
    sql hooked(*of_, [&](std::string_view text) {
        ++seen;
        if (text.starts_with("UPDATE")) throw connection_lost("planted");
    });
    sql_transaction const whole(hooked, access::write);
    hooked.exec("INSERT INTO things (id) VALUES (:id)", 1);
    EXPECT_EQ(seen, 2);
    EXPECT_THROW(hooked.exec("UPDATE things SET size = 1"), connection_lost);
}

ON_BOTH_STORES(sql_test);

} // namespace
} // namespace gatehouse::persistence
