#include "core/runs/run_store.hpp"

#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::run;
using core::run_state;
using core::snapshot;
using core::transaction;

class run_store_test : public store_fixture {
  protected:
    void SetUp() override {
        store_fixture::SetUp();
        if (IsSkipped()) return;
        write([](transaction& tx) {
            tx.sessions().insert_if_new(sample_session("ses_1"));
            tx.sessions().insert_if_new(sample_session("ses_2"));
        });
    }

    void insert(run const& r) {
        write([=](transaction& tx) { tx.runs().insert(r); });
    }
    std::optional<run> find(std::string const& id) {
        return read([=](snapshot& seen) { return seen.runs().find(id); });
    }
    // A run of a session of its own, claimable since `ms` milliseconds after 1970.
    void insert_claimable(std::string const& id, std::int64_t ms) {
        write([=](transaction& tx) {
            tx.sessions().insert_if_new(sample_session("ses of " + id));
            run r = sample_run(id, 1, "ses of " + id);
            r.claimable_at = from_ms(ms);
            tx.runs().insert(r);
        });
    }
    std::vector<run> claim(std::string const& owner, std::int64_t limit) {
        return write([=](transaction& tx) {
            return claim_and_save(tx, owner, limit, core::run_queue::messages);
        });
    }
    static std::vector<run>
    claim_and_save(transaction& tx, std::string const& owner, std::int64_t limit, core::run_queue from) {
        auto claimed = tx.runs().claim(owner, limit, from);
        for (auto const& each : claimed) tx.runs().save(each);
        return claimed;
    }
    static std::vector<std::string> ids(std::vector<run> const& runs) {
        std::vector<std::string> out;
        for (auto const& each : runs) out.push_back(each.run_id);
        return out;
    }
    using names = std::vector<std::string>;
};

TEST_P(run_store_test, a_run_comes_back_as_it_was_inserted) {
    run r = sample_run("run_1");
    insert(r);
    EXPECT_TRUE(same_fields(find("run_1"), r));
    EXPECT_FALSE(find("run_2"));
}

TEST_P(run_store_test, save_changes_what_may_change) {
    run r = sample_run("run_1");
    insert(r);
    r.state = run_state::failed;
    r.output = difficult_text;
    r.error = difficult_json;
    r.usage = {.input_tokens = 10, .output_tokens = 20};
    r.turn = 11;
    r.attempt = 12;
    r.steps = 13;
    r.started_at = at(14);
    r.finished_at = at(15);
    r.deadline_at.reset();
    r.lease_epoch = 16;
    r.tape_seq = 17;
    r.tape_hash = "18";
    r.waiting_on = "app_1";
    r.cancel_reason = difficult_text;
    write([=](transaction& tx) { tx.runs().save(r); });
    EXPECT_TRUE(same_fields(find("run_1"), r));
}

TEST_P(run_store_test, a_lock_reads_the_run_and_an_epoch_guards_it) {
    insert(sample_run("run_1"));
    write([](transaction& tx) {
        EXPECT_TRUE(same_fields(tx.runs().lock("run_1"), sample_run("run_1")));
        EXPECT_TRUE(tx.runs().lock_leased("ses_1", "run_1", 6));
        EXPECT_FALSE(tx.runs().lock_leased("ses_1", "run_1", 5));
        EXPECT_FALSE(tx.runs().lock("run_2"));
    });
}

TEST_P(run_store_test, runs_of_one_session_never_overlap) {
    struct pair {
        char const* what;
        run_state first;
        std::optional<timestamp> first_claimable;
        run_state second;
        std::optional<timestamp> second_claimable;
        bool may;
    };
    pair const pairs[] = {
        {"two running", run_state::running, {}, run_state::running, {}, false},
        {"running beside waiting", run_state::running, {}, run_state::waiting, {}, false},
        {"running beside claimable", run_state::running, {}, run_state::accepted, at(1), false},
        {"two claimable", run_state::accepted, at(1), run_state::accepted, at(2), false},
        {"running beside one that waits its turn", run_state::running, {}, run_state::accepted, {}, true},
        {"running behind a finished one", run_state::succeeded, {}, run_state::running, {}, true},
    };
    int n = 0;
    for (auto const& each : pairs) {
        auto const session = "ses of pair " + std::to_string(++n);
        run first = sample_run("run_a" + std::to_string(n), 1, session);
        first.state = each.first;
        first.claimable_at = each.first_claimable;
        run second = sample_run("run_b" + std::to_string(n), 2, session);
        second.state = each.second;
        second.claimable_at = each.second_claimable;
        write([=](transaction& tx) {
            tx.sessions().insert_if_new(sample_session(session));
            tx.runs().insert(first);
        });
        bool stored = true;
        try {
            insert(second);
        } catch (unique_violation const&) {
            stored = false;
        }
        EXPECT_EQ(stored, each.may) << each.what;
    }
}

TEST_P(run_store_test, a_finished_run_has_no_lease_and_is_not_claimable) {
    run r = sample_run("run_1");
    r.state = run_state::cancelled;
    r.claimable_at = at(1);
    EXPECT_THROW(insert(r), constraint_violation);
    r.claimable_at.reset();
    r.lease_owner = "ins_1";
    EXPECT_THROW(insert(r), constraint_violation);
}

TEST_P(run_store_test, a_claim_takes_the_oldest_due_runs_once) {
    insert_claimable("run_1", 3000);
    insert_claimable("run_2", 1000);
    insert_claimable("run_3", 2000);
    insert_claimable("run_4", 4'000'000'000'000);
    insert(sample_run("run_5"));
    auto const first = claim("ins_1", 2);
    EXPECT_EQ(ids(first), (names{"run_2", "run_3"}));
    for (auto const& each : first) {
        EXPECT_EQ(each.lease_owner, "ins_1");
        EXPECT_EQ(each.lease_epoch, 7);
        EXPECT_EQ(each.claimable_at, std::nullopt);
        EXPECT_EQ(each.state, run_state::accepted);
        EXPECT_TRUE(same_fields(find(each.run_id), each));
    }
    EXPECT_EQ(ids(claim("ins_2", 10)), names{"run_1"});
    EXPECT_TRUE(claim("ins_2", 10).empty());
}

TEST_P(run_store_test, what_became_claimable_long_ago_is_found_although_newer_ones_were_seen) {
    // Each claim may begin behind the oldest row that was seen last; a row that comes late must still be
    // found in time.
    insert_claimable("run_1", 1'000'000'000);
    claim("ins_1", 1);
    insert_claimable("run_2", 1'000'000'000 - 500);
    std::vector<run> found;
    for (int i = 0; i < 8 && found.empty(); ++i) found = claim("ins_1", 1);
    EXPECT_EQ(ids(found), names{"run_2"});
}

TEST_P(run_store_test, the_next_claimable_time_is_the_earliest_one) {
    auto const next = [this] {
        return read([](snapshot& seen) { return seen.runs().next_claimable_at().messages; });
    };
    EXPECT_EQ(next(), std::nullopt);
    insert_claimable("run_1", 5'000'000'000'000);
    insert_claimable("run_2", 4'000'000'000'000);
    EXPECT_EQ(next(), from_ms(4'000'000'000'000));
}

TEST_P(run_store_test, work_in_the_background_has_a_queue_of_its_own_and_a_place_beside_its_session) {
    run later = sample_run("run_2", -1);
    later.purpose = core::run_purpose::label;
    later.claimable_at = at(1);
    insert_claimable("run_1", 1000);
    EXPECT_EQ(read([](snapshot& seen) { return seen.runs().next_background_ordinal("ses_1"); }), -1);
    insert(later);
    EXPECT_TRUE(same_fields(find("run_2"), later));
    auto const next = read([](snapshot& seen) { return seen.runs().next_claimable_at(); });
    EXPECT_EQ(next.background, at(1));
    EXPECT_LT(*next.messages, at(1));
    EXPECT_EQ(ids(claim("ins_1", 10)), names{"run_1"});
    auto const claimed =
        write([](transaction& tx) { return claim_and_save(tx, "ins_1", 10, core::run_queue::background); });
    EXPECT_EQ(ids(claimed), names{"run_2"});
    EXPECT_EQ(claimed.at(0).purpose, core::run_purpose::label);
    write([](transaction& tx) {
        EXPECT_EQ(tx.runs().next_background_ordinal("ses_1"), -2);
        EXPECT_EQ(tx.runs().next_ordinal("ses_1"), 1);
        EXPECT_FALSE(tx.runs().head_of_session("ses_1"));
        EXPECT_EQ(tx.runs().list({}).size(), 1);
        core::run_filter all;
        all.purpose.reset();
        EXPECT_EQ(tx.runs().list(all).size(), 2);
    });
    run beside = sample_run("run_3", 1);
    beside.state = run_state::running;
    insert(beside);
}

TEST_P(run_store_test, the_runs_of_a_dead_process_become_claimable_with_a_new_epoch) {
    insert_claimable("run_1", 1000);
    insert_claimable("run_2", 1000);
    claim("ins_1", 1);
    claim("ins_2", 1);
    EXPECT_EQ(write([](transaction& tx) { return tx.runs().release_all_of("ins_1"); }), 1);
    auto const released = *find("run_1");
    EXPECT_EQ(released.lease_owner, std::nullopt);
    EXPECT_EQ(released.lease_epoch, 8);
    EXPECT_TRUE(released.claimable_at);
    time_.advance(std::chrono::milliseconds(1));
    EXPECT_EQ(ids(claim("ins_3", 10)), names{"run_1"});
}

TEST_P(run_store_test, runs_whose_owner_is_not_among_the_instances_become_claimable) {
    core::instance known;
    known.instance_id = "ins_1";
    known.lease_ms = 1000;
    write([known](transaction& tx) { tx.instances().insert(known); });
    insert_claimable("run_1", 1000);
    insert_claimable("run_2", 1000);
    claim("ins_1", 1);
    EXPECT_FALSE(read([](snapshot& seen) { return seen.runs().any_ownerless(); }));
    claim("ins_2", 1);
    write([](transaction& tx) {
        for (auto const* run_id : {"run_1", "run_2"}) {
            auto claimed = *tx.runs().lock(run_id);
            claimed.state = run_state::running;
            tx.runs().save(claimed);
        }
    });
    EXPECT_TRUE(read([](snapshot& seen) { return seen.runs().any_ownerless(); }));
    EXPECT_EQ(write([](transaction& tx) { return tx.runs().release_ownerless(); }), 1);
    EXPECT_EQ(find("run_1")->lease_owner, "ins_1");
    EXPECT_EQ(find("run_2")->lease_owner, std::nullopt);
    EXPECT_TRUE(find("run_2")->claimable_at);
}

TEST_P(run_store_test, a_sessions_head_is_its_first_unfinished_run) {
    run done = sample_run("run_1", 1);
    done.state = run_state::succeeded;
    run head = sample_run("run_2", 2);
    head.state = run_state::waiting;
    for (auto const& each : {done, head, sample_run("run_3", 3), sample_run("run_4", 4)}) insert(each);
    write([](transaction& tx) {
        EXPECT_EQ(tx.runs().head_of_session("ses_1")->run_id, "run_2");
        EXPECT_EQ(tx.runs().next_ordinal("ses_1"), 5);
        EXPECT_FALSE(tx.runs().head_of_session("ses_2"));
        EXPECT_EQ(tx.runs().next_ordinal("ses_2"), 1);
    });
}

TEST_P(run_store_test, lists_are_filtered_and_go_from_new_to_old) {
    run other = sample_run("run_2", 1, "ses_2");
    other.principal = "user:b";
    run done = sample_run("run_3", 2);
    done.state = run_state::succeeded;
    done.agent = "helper";
    for (auto const& each : {sample_run("run_1"), other, done, sample_run("run_4", 3)}) insert(each);
    struct listing {
        core::run_filter filter;
        names expected;
    };
    listing const listings[] = {
        {{}, {"run_4", "run_3", "run_2", "run_1"}},
        {{{}, {}, {}, {}, {}, 2}, {"run_4", "run_3"}},
        {{{}, {}, {}, {}, "run_3"}, {"run_2", "run_1"}},
        {{"user:b", {}, {}, {}, {}}, {"run_2"}},
        {{{}, "ses_1", {}, {}, {}}, {"run_4", "run_3", "run_1"}},
        {{{}, {}, "helper", {}, {}}, {"run_3"}},
        {{{}, {}, {}, run_state::succeeded, {}}, {"run_3"}},
        {{"user:a", "ses_1", {}, run_state::accepted, "run_4"}, {"run_1"}},
        {{"user:c", {}, {}, {}, {}}, {}},
    };
    for (auto const& each : listings) {
        EXPECT_EQ(ids(read([&](snapshot& seen) { return seen.runs().list(each.filter); })), each.expected);
    }
    auto const counts = read([](snapshot& seen) { return seen.runs().count_by_state(); });
    EXPECT_EQ(
        counts, (std::map<run_state, std::int64_t>{{run_state::accepted, 3}, {run_state::succeeded, 1}})
    );
}

TEST_P(run_store_test, a_tape_comes_back_in_order_page_by_page) {
    insert(sample_run("run_1"));
    write([](transaction& tx) {
        std::vector<core::tape_item> const items{sample_item(1), sample_item(2), sample_item(3)};
        tx.runs().append_tape("run_1", items);
        tx.runs().append_tape("run_1", std::vector{sample_item(4)});
        tx.runs().append_tape("run_1", {});
    });
    auto const page = read([](snapshot& seen) { return seen.runs().tape("run_1", 1, 2); });
    ASSERT_EQ(page.size(), 2u);
    EXPECT_TRUE(same_fields(page[0], sample_item(2)));
    EXPECT_TRUE(same_fields(page[1], sample_item(3)));
    EXPECT_EQ(read([](snapshot& seen) { return seen.runs().tape("run_1", 0, 100).size(); }), 4u);
}

TEST_P(run_store_test, a_tape_is_never_changed_by_anybody) {
    insert(sample_run("run_1"));
    write([](transaction& tx) { tx.runs().append_tape("run_1", std::vector{sample_item(1), sample_item(2)}); }
    );
    std::vector<std::string> attempts{
        "UPDATE tape_items SET payload = '{}'",
        "DELETE FROM tape_items WHERE seq = 2",
        "DELETE FROM tape_items",
    };
    if (is_postgres()) {
        attempts.push_back("TRUNCATE tape_items");
        attempts.push_back("INSERT INTO tape_items SELECT * FROM tape_items ON CONFLICT (run_id, seq) DO "
                           "UPDATE SET payload = '{}'");
    } else {
        attempts.push_back("INSERT OR REPLACE INTO tape_items SELECT * FROM tape_items");
    }
    auto const of = dialect::make(store_->url(), time_);
    sql session(*of);
    for (auto const& each : attempts) {
        sql_transaction const whole(session, access::write);
        EXPECT_THROW(session.script(each), constraint_violation) << each;
    }
    EXPECT_EQ(read([](snapshot& seen) { return seen.runs().tape("run_1", 0, 10).size(); }), 2u);
    EXPECT_THROW(
        write([](transaction& tx) { tx.runs().append_tape("run_1", std::vector{sample_item(2)}); }),
        unique_violation
    );
}

TEST_P(run_store_test, a_tape_is_copied_up_to_an_item) {
    write([](transaction& tx) {
        tx.runs().append_tape("run_1", std::vector{sample_item(1), sample_item(2), sample_item(3)});
        tx.runs().copy_tape("run_1", 2, "run_2");
    });
    auto const copy = read([](snapshot& seen) { return seen.runs().tape("run_2", 0, 100); });
    ASSERT_EQ(copy.size(), 2u);
    EXPECT_TRUE(same_fields(copy[1], sample_item(2)));
}

TEST_P(run_store_test, an_owner_has_as_many_runs_as_it_holds_leases) {
    write([](transaction& tx) {
        for (int i = 1; i <= 4; ++i) {
            auto const n = std::to_string(i);
            if (i > 2) tx.sessions().insert_if_new(sample_session("ses_" + n));
            auto r = sample_run("run_" + n, 1, "ses_" + n);
            r.state = core::run_state::running;
            if (i < 4) r.lease_owner = i < 3 ? "ins_1" : "ins_2";
            tx.runs().insert(r);
        }
    });
    auto const counts = read([](snapshot& seen) { return seen.runs().count_by_owner(); });
    EXPECT_EQ(counts, (std::map<std::string, std::int64_t>{{"ins_1", 2}, {"ins_2", 1}}));
}

TEST_P(run_store_test, an_inbox_is_taken_once_in_order) {
    write([](transaction& tx) {
        tx.runs().add_to_inbox("run_1", "input", difficult_json);
        tx.runs().add_to_inbox("run_2", "input", "{}");
        tx.runs().add_to_inbox("run_1", "cancel", "{}");
    });
    write([](transaction& tx) {
        EXPECT_TRUE(tx.runs().has_inbox("run_1"));
        auto const taken = tx.runs().take_inbox("run_1");
        ASSERT_EQ(taken.size(), 2u);
        EXPECT_EQ(taken[0].payload, difficult_json);
        EXPECT_EQ(taken[1].kind, "cancel");
        EXPECT_FALSE(tx.runs().has_inbox("run_1"));
        EXPECT_TRUE(tx.runs().take_inbox("run_1").empty());
        EXPECT_TRUE(tx.runs().has_inbox("run_2"));
    });
}

TEST_P(run_store_test, a_step_comes_back_and_changes) {
    core::step s = sample_step("run_1", 1);
    write([=](transaction& tx) {
        tx.runs().insert_step(s);
        tx.runs().insert_step(sample_step("run_1", 2));
        core::step later = sample_step("run_1", 3);
        later.turn = 9;
        tx.runs().insert_step(later);
    });
    auto const find_step = [this] {
        return read([](snapshot& seen) { return seen.runs().find_step("run_1", 1); });
    };
    EXPECT_TRUE(same_fields(find_step(), s));
    s.state = core::step_state::finished;
    s.attempt = 9;
    s.idempotency_key = "other";
    s.node.reset();
    s.operation_hash = "other";
    s.approval_id.reset();
    s.invocation_id = "inv_2";
    s.ok = false;
    s.output = "1";
    s.artifacts = "[]";
    write([=](transaction& tx) { tx.runs().save_step(s); });
    EXPECT_TRUE(same_fields(find_step(), s));
    EXPECT_EQ(read([](snapshot& seen) { return seen.runs().steps_of_turn("run_1", 2).size(); }), 2u);
}

TEST_P(run_store_test, a_run_that_another_transaction_holds_is_passed_by) {
    if (!is_postgres()) GTEST_SKIP() << "SQLite has one writer";
    insert_claimable("run_1", 1000);
    insert_claimable("run_2", 2000);
    auto const of = dialect::make(store_->url(), time_);
    sql other(*of);
    sql_transaction const whole(other, access::write);
    other.row<std::string>("SELECT run_id FROM runs WHERE run_id = 'run_1' FOR UPDATE");
    EXPECT_EQ(ids(claim("ins_1", 10)), names{"run_2"});
}

ON_BOTH_STORES(run_store_test);

} // namespace
} // namespace gatehouse::persistence
