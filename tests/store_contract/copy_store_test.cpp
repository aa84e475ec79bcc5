#include "persistence/copy/copy_store.hpp"

#include "core/artifacts/make_artifact.hpp"
#include "core/runs/tape.hpp"
#include "persistence/copy/raw_store.hpp"
#include "persistence/migrate.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

#include <gmock/gmock.h>

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::transaction;
using ::testing::HasSubstr;

// From the store of the fixture to stores of both kinds.
class copy_store_test : public store_fixture {
  protected:
    static std::vector<store_url::backend> kinds() {
        std::vector<store_url::backend> out{store_url::backend::sqlite};
        if (fresh_store::is_available(store_url::backend::postgres))
            out.push_back(store_url::backend::postgres);
        return out;
    }

    // A run whose tape holds, of a session of its own.
    static void put_run(transaction& tx, std::string const& n, int items) {
        tx.sessions().insert_if_new(sample_session("ses_" + n));
        auto r = sample_run("run_" + n, 1, "ses_" + n);
        r.state = core::run_state::succeeded;
        r.tape_seq = 0;
        r.tape_hash = core::tape_genesis_hash;
        std::vector<core::tape_item> tape;
        for (int i = 0; i < items; ++i) {
            tape.push_back(
                core::make_tape_item(r.tape_seq, r.tape_hash, "note", at(i), {{"text", difficult_text}})
            );
            r.tape_seq = tape.back().seq;
            r.tape_hash = tape.back().hash;
        }
        tx.runs().insert(r);
        tx.runs().append_tape(r.run_id, tape);
    }

    static void put_the_rest(transaction& tx) {
        tx.meta().put_if_absent("gateway_id", "gw_1");
        tx.runs().insert_step(sample_step("run_1", 1));
        tx.runs().add_to_inbox("run_1", "input", difficult_json);
        tx.sessions().append_message({
            .session_id = "ses_1",
            .run_id = "run_1",
            .role = "user",
            .text = difficult_text,
            .extra = difficult_json,
            .created_at = at(1),
        });
        tx.approvals().insert(sample_approval("app_1"));
        tx.nodes().put(sample_node("dev_1", "desk"));
        tx.invocations().insert(sample_invocation("inv_1"));
        auto as = *tx.agents().find("default");
        as.temperature = 0.1;
        as.system_prompt = difficult_text;
        tx.agents().put(as);
        for (int i = 0; i < 3; ++i) {
            core::event e;
            e.event_id = "evt_" + std::to_string(i);
            e.topic = "runs";
            e.category = "runs";
            e.type = "agent.updated";
            e.occurred_at = at(i);
            e.payload = difficult_json;
            tx.publish(std::move(e));
        }
    }

    void fill(int runs = 3) {
        write([=](transaction& tx) {
            for (int i = 1; i <= runs; ++i) put_run(tx, std::to_string(i), i);
            put_the_rest(tx);
            std::string bytes(300'000, '\0');
            for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
            tx.artifacts().put(
                {.artifact_id = "art_1",
                 .size = std::ssize(bytes),
                 .media_type = "x/y",
                 .name = difficult_text,
                 .in_directory = false,
                 .created_at = at(1)},
                bytes, "user:a"
            );
        });
        db_->stop();
    }

    copy_summary copy_to(fresh_store const& target, std::function<void(copy_progress const&)> listen = {}) {
        if (!listen) listen = [](copy_progress const&) {};
        return copy_store({store_->url(), target.url(), {}, {}}, time_, listen);
    }
    // The sentence of a copy that is refused.
    std::string refusal(fresh_store const& target) {
        try {
            copy_to(target);
        } catch (unusable_store const& refused) {
            return refused.what();
        }
        return "it was not refused";
    }

    void expect_same(fresh_store const& target) {
        auto const from = raw_store::open(store_->url());
        auto const to = raw_store::open(target.url());
        auto const tables = from->tables();
        EXPECT_EQ(tables, to->tables());
        for (auto const& table : tables) {
            if (table.name == "schema_migrations" || table.name == "commits") continue;
            EXPECT_EQ(from->read(table, {}, 10'000), to->read(table, {}, 10'000)) << table.name;
        }
    }
};

TEST_P(copy_store_test, every_row_arrives_as_it_is) {
    fill();
    for (auto const kind : kinds()) {
        fresh_store const target(kind, fresh_store::schema::none);
        auto const done = copy_to(target);
        EXPECT_EQ(done.runs, 3);
        EXPECT_EQ(done.tape_items, 6);
        expect_same(target);
    }
}

TEST_P(copy_store_test, numbers_go_on_behind_those_that_were_copied) {
    fill();
    for (auto const kind : kinds()) {
        fresh_store const target(kind);
        copy_to(target);
        target.run_from_outside(
            "INSERT INTO outbox (event_id, topic, category, type, occurred_at, payload) VALUES "
            "('e', 't', 'c', 't', 0, '{}')"
        );
        target.run_from_outside(
            "INSERT INTO run_inbox (run_id, kind, payload) VALUES ('run_1', 'input', '{}')"
        );
        EXPECT_EQ(target.run_from_outside("SELECT max(seq) FROM outbox"), "4");
        EXPECT_EQ(target.run_from_outside("SELECT max(inbox_id) FROM run_inbox"), "2");
    }
}

TEST_P(copy_store_test, a_copy_that_was_interrupted_goes_on_where_it_was) {
    fill(20);
    for (auto const kind : kinds()) {
        fresh_store const target(kind);
        int copied_in_all = 0;
        bool is_whole = false;
        for (int attempt = 1; !is_whole && attempt < 500; ++attempt) {
            int calls = 0;
            try {
                copy_to(target, [&](copy_progress const&) {
                    ++copied_in_all;
                    if (++calls > attempt * 2) throw std::runtime_error("the power is gone");
                });
                is_whole = true;
            } catch (std::runtime_error const&) {
                auto const of = dialect::make(target.url(), time_);
                sql session(*of);
                EXPECT_THROW(migrate(session), unusable_store);
            }
        }
        EXPECT_TRUE(is_whole);
        expect_same(target);
        EXPECT_THAT(refusal(target), HasSubstr("a copy that is finished"));
    }
}

TEST_P(copy_store_test, a_store_that_holds_something_else_is_left_as_it_is) {
    fill();
    for (auto const kind : kinds()) {
        fresh_store const used(kind);
        used.run_from_outside("INSERT INTO meta (key, value) VALUES ('gateway_id', 'gw_2')");
        EXPECT_THAT(refusal(used), HasSubstr("gw_2"));
        EXPECT_EQ(used.run_from_outside("SELECT count(*) FROM agents"), "1");

        fresh_store const other_copy(kind);
        other_copy.run_from_outside("CREATE TABLE unfinished_copy (source TEXT NOT NULL)");
        other_copy.run_from_outside("INSERT INTO unfinished_copy VALUES ('gw_3')");
        EXPECT_THAT(refusal(other_copy), HasSubstr("an unfinished copy of another store, gw_3"));
    }
}

TEST_P(copy_store_test, a_database_of_another_program_is_left_as_it_is) {
    fill();
    for (auto const kind : kinds()) {
        fresh_store const foreign(kind, fresh_store::schema::none);
        foreign.run_from_outside("CREATE TABLE pictures (id BIGINT PRIMARY KEY)");
        EXPECT_THAT(refusal(foreign), HasSubstr("of another program"));
    }
}

TEST_P(copy_store_test, a_source_without_data_or_with_another_schema_is_refused) {
    fresh_store const target(store_url::backend::sqlite);
    EXPECT_THAT(refusal(target), HasSubstr("There is nothing to copy"));
    db_->stop();
    store_ = std::make_unique<fresh_store>(GetParam(), fresh_store::schema::none);
    EXPECT_THAT(refusal(target), HasSubstr("has not the schema of this program"));
}

TEST_P(copy_store_test, a_server_with_a_gateway_on_it_is_in_use) {
    if (!is_postgres()) GTEST_SKIP() << "a file has a lock";
    write([](transaction& tx) {
        tx.instances().insert({.instance_id = "ins_1", .address = "127.0.0.1:1", .lease_ms = 60'000});
    });
    fill();
    fresh_store const target(store_url::backend::sqlite);
    EXPECT_THAT(refusal(target), HasSubstr("is in use by ins_1 at 127.0.0.1:1"));
    // One that is dead is copied, so that its runs are taken over.
    store_->run_from_outside("UPDATE instances SET heartbeat_at = 0");
    copy_to(target);
    EXPECT_EQ(target.run_from_outside("SELECT count(*) FROM instances"), "1");
}

TEST_P(copy_store_test, a_pooler_is_not_enough) {
    if (!is_postgres()) GTEST_SKIP() << "a file has none";
    fill();
    fresh_store const target(store_url::backend::sqlite);
    auto const pooler = store_url::parse(store_->text() + "?pooler=transaction");
    EXPECT_THROW(
        copy_store({pooler, target.url(), {}, {}}, time_, [](copy_progress const&) {}), unusable_store
    );
}

TEST_P(copy_store_test, a_tape_that_is_broken_is_told) {
    fill();
    store_->run_from_outside("UPDATE runs SET tape_hash = '00' WHERE run_id = 'run_2'");
    fresh_store const target(store_url::backend::sqlite);
    EXPECT_THAT(refusal(target), HasSubstr("The tape of run run_2 is broken from item 2 on"));
    // It is no store to work on.
    EXPECT_EQ(target.run_from_outside("SELECT count(*) FROM unfinished_copy"), "1");
}

TEST_P(copy_store_test, a_gateway_that_worked_before_the_copy_went_on_is_found) {
    fill();
    fresh_store const target(store_url::backend::sqlite);
    auto const stop_early = [](copy_progress const& now) {
        if (now.table == "tokens") throw std::runtime_error("the power is gone");
    };
    EXPECT_THROW(copy_to(target, stop_early), std::runtime_error);
    store_->run_from_outside("UPDATE policies SET version = version + 1");
    store_->run_from_outside("INSERT INTO outbox (event_id, topic, category, type, occurred_at, payload) "
                             "VALUES ('e', 'instances', 'instances', 'instance.joined', 1, '{}')");
    EXPECT_THAT(refusal(target), HasSubstr("A gateway has worked on"));
}

TEST_P(copy_store_test, what_was_written_meanwhile_is_found) {
    fill();
    fresh_store const target(store_url::backend::sqlite);
    bool is_written = false;
    auto const write_late = [&](copy_progress const& now) {
        if (now.table != "tokens" || std::exchange(is_written, true)) return;
        store_->run_from_outside("DELETE FROM steps");
    };
    try {
        copy_to(target, write_late);
        FAIL() << "it was not refused";
    } catch (unusable_store const& refused) {
        EXPECT_THAT(refused.what(), HasSubstr("something wrote while it was copied"));
    }
}

TEST_P(copy_store_test, artifact_files_are_copied_and_checked) {
    std::string const bytes(9 << 20, 'x');
    temporary_directory const from;
    temporary_directory const to;
    auto const id = core::artifact_id_of(byte_view(bytes));
    write([=](transaction& tx) {
        for (auto const& each : {id, std::string("art_gone")}) {
            tx.artifacts().put(
                {.artifact_id = each, .size = std::ssize(bytes), .media_type = "x/y", .in_directory = true},
                bytes, "user:a"
            );
        }
    });
    fill();
    std::filesystem::remove(artifacts_ / "art_gone");
    fresh_store const target(store_url::backend::sqlite);
    auto const done = copy_store(
        {store_->url(), target.url(), artifacts_.path(), to.path()}, time_, [](copy_progress const&) {}
    );
    EXPECT_EQ(done.artifact_files, is_postgres() ? 0 : 2);
    if (is_postgres()) return; // all of them stand in the store
    EXPECT_EQ(done.missing_artifacts, std::vector<std::string>{"art_gone"});
    EXPECT_EQ(to.read(id), bytes);
}

ON_BOTH_STORES(copy_store_test);

} // namespace
} // namespace gatehouse::persistence
