#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::firing_state;
using core::snapshot;
using core::transaction;
using core::trigger;
using core::trigger_firing;
using std::chrono::milliseconds;
using strings = std::vector<std::string>;

class trigger_store_test : public store_fixture {
  protected:
    static trigger sample(std::string const& name, std::string const& principal = "user:a") {
        trigger t;
        t.trigger_id = "trg_" + name;
        t.name = name;
        t.principal = principal;
        t.kind = core::trigger_kind::heartbeat;
        t.cron = "* * * * *";
        t.time_zone = "Europe/Berlin";
        t.every_ms = 5'000'000'000;
        t.session_key = "key \xf0\x9f\x90\x99";
        t.agent = "default";
        t.input = difficult_json;
        t.enabled = true;
        t.missed = core::missed_policy::run_once;
        t.secret = difficult_text;
        t.revision = 3;
        t.next_fire_at = at(4);
        t.created_at = at(5);
        t.updated_at = at(6);
        return t;
    }
    static trigger_firing sample_firing(std::string const& slot, std::int64_t ms) {
        return {
            .trigger_id = "trg_a",
            .slot = slot,
            .due_at = at(ms),
            .state = firing_state::failed,
            .fired_at = at(ms + 1),
            .run_id = "run_1",
            .reason = difficult_text,
        };
    }
    bool insert(trigger const& t) {
        return write([=](transaction& tx) { return tx.triggers().insert_if_new(t); });
    }
    bool insert(trigger_firing const& f) {
        return write([=](transaction& tx) { return tx.triggers().insert_firing_if_new(f); });
    }
    std::optional<trigger> find(std::string const& name) {
        return read([=](snapshot& seen) { return seen.triggers().find(name); });
    }
    strings names(std::vector<trigger> const& of) {
        strings found;
        for (auto const& t : of) found.push_back(t.name);
        return found;
    }
    timestamp store_time() {
        return read([](snapshot& seen) { return seen.leader().look().now; });
    }
};
ON_BOTH_STORES(trigger_store_test);

TEST_P(trigger_store_test, a_trigger_is_inserted_saved_and_removed) {
    auto t = sample("a");
    EXPECT_TRUE(insert(t));
    EXPECT_TRUE(same_fields(find("a"), t));
    auto other = sample("a", "user:b");
    other.trigger_id = "trg_other";
    EXPECT_FALSE(insert(other));
    trigger bare;
    bare.trigger_id = t.trigger_id;
    bare.name = "a";
    bare.principal = t.principal;
    bare.kind = core::trigger_kind::hook;
    bare.input = "{}";
    bare.enabled = false;
    bare.revision = 4;
    bare.created_at = t.created_at;
    bare.updated_at = at(9);
    write([=](transaction& tx) { tx.triggers().save(bare); });
    EXPECT_TRUE(same_fields(write([](transaction& tx) { return tx.triggers().lock("a"); }), bare));
    write([](transaction& tx) { tx.triggers().remove("trg_a"); });
    EXPECT_FALSE(find("a"));
}

TEST_P(trigger_store_test, triggers_are_listed_by_name_and_principal) {
    for (auto const* name : {"c", "B", "a"}) insert(sample(name));
    insert(sample("b", "user:b"));
    auto list = [&](core::trigger_filter const& f) {
        return names(read([=](snapshot& seen) { return seen.triggers().list(f); }));
    };
    EXPECT_EQ(list({}), (strings{"B", "a", "b", "c"}));
    EXPECT_EQ(list({.principal = "user:a"}), (strings{"B", "a", "c"}));
    EXPECT_EQ(list({.principal = "user:a", .after = "B", .limit = 1}), strings{"a"});
}

TEST_P(trigger_store_test, what_is_due_is_decided_by_the_stores_clock) {
    EXPECT_EQ(read([](snapshot& seen) { return seen.triggers().time_to_next(); }), std::nullopt);
    auto now = store_time();
    auto with_next = [&](std::string const& name, std::optional<timestamp> next) {
        auto t = sample(name);
        t.next_fire_at = next;
        insert(t);
    };
    with_next("later", now + milliseconds(60'000));
    with_next("never", std::nullopt);
    auto wait = *read([](snapshot& seen) { return seen.triggers().time_to_next(); });
    EXPECT_GT(wait, milliseconds(50'000));
    EXPECT_LE(wait, milliseconds(60'000));
    with_next("second", now - milliseconds(5));
    with_next("first", now - milliseconds(10));
    auto due = [&](std::int64_t limit) {
        return names(read([=](snapshot& seen) { return seen.triggers().due(limit); }));
    };
    EXPECT_EQ(due(10), (strings{"first", "second"}));
    EXPECT_EQ(due(1), strings{"first"});
    EXPECT_LT(*read([](snapshot& seen) { return seen.triggers().time_to_next(); }), milliseconds(0));
}

TEST_P(trigger_store_test, a_slot_is_left_once_and_only_by_who_saw_the_trigger_as_it_is) {
    auto t = sample("a");
    insert(t);
    auto move_on = [&](trigger const& seen, std::optional<timestamp> next) {
        return write([=](transaction& tx) { return tx.triggers().move_on(seen, next); });
    };
    auto older = t;
    older.revision = 2;
    EXPECT_FALSE(move_on(older, at(100)));
    EXPECT_TRUE(move_on(t, at(100)));
    EXPECT_FALSE(move_on(t, at(200)));
    EXPECT_EQ(find("a")->next_fire_at, at(100));
    EXPECT_TRUE(move_on(*find("a"), std::nullopt));
    EXPECT_EQ(find("a")->next_fire_at, std::nullopt);
}

TEST_P(trigger_store_test, a_slot_has_one_row) {
    auto f = sample_firing("s", 1);
    EXPECT_TRUE(insert(f));
    EXPECT_FALSE(insert(sample_firing("s", 2)));
    auto find_firing = [&] {
        return read([](snapshot& seen) { return seen.triggers().find_firing("trg_a", "s"); });
    };
    EXPECT_TRUE(same_fields(find_firing(), f));
    f.state = firing_state::fired;
    f.run_id = "run_2";
    f.fired_at.reset();
    f.reason.reset();
    write([=](transaction& tx) { tx.triggers().save_firing(f); });
    EXPECT_TRUE(same_fields(find_firing(), f));
}

TEST_P(trigger_store_test, firings_are_listed_newest_first) {
    for (auto const& [slot, ms] : std::vector<std::pair<std::string, int>>{{"b", 1}, {"a", 2}, {"c", 2}})
        insert(sample_firing(slot, ms));
    auto other = sample_firing("x", 9);
    other.trigger_id = "trg_b";
    insert(other);
    auto list = [&](std::optional<std::string> const& after, std::int64_t limit) {
        strings slots;
        for (auto const& f :
             read([=](snapshot& seen) { return seen.triggers().firings("trg_a", after, limit); }))
            slots.push_back(f.slot);
        return slots;
    };
    EXPECT_EQ(list(std::nullopt, 10), (strings{"c", "a", "b"}));
    EXPECT_EQ(list(std::nullopt, 2), (strings{"c", "a"}));
    EXPECT_EQ(list("a", 2), strings{"b"});
    EXPECT_EQ(list("b", 2), strings{});
}

class leader_store_test : public store_fixture {
  protected:
    void insert_instance(std::string const& id, std::int64_t lease_ms = 600'000) {
        core::instance i;
        i.instance_id = id;
        i.incarnation = id;
        i.lease_ms = lease_ms;
        write([=](transaction& tx) { tx.instances().insert(i); });
    }
    bool take(std::string const& id) {
        return write([=](transaction& tx) { return tx.leader().take(id); });
    }
    std::optional<std::string> leader() {
        return read([](snapshot& seen) { return seen.leader().look().instance_id; });
    }
};
ON_BOTH_STORES(leader_store_test);

TEST_P(leader_store_test, the_seat_is_taken_once_and_given_up) {
    insert_instance("ins_a");
    insert_instance("ins_b");
    EXPECT_EQ(leader(), std::nullopt);
    EXPECT_TRUE(take("ins_a"));
    EXPECT_FALSE(take("ins_b"));
    EXPECT_EQ(leader(), "ins_a");
    write([](transaction& tx) { tx.leader().give_up("ins_b"); });
    EXPECT_EQ(leader(), "ins_a");
    write([](transaction& tx) { tx.leader().give_up("ins_a"); });
    EXPECT_EQ(leader(), std::nullopt);
    EXPECT_TRUE(take("ins_b"));
}

TEST_P(leader_store_test, the_seat_is_free_without_a_living_instance) {
    insert_instance("ins_b");
    insert_instance("ins_a", -1);
    EXPECT_TRUE(take("ins_a"));
    EXPECT_EQ(leader(), std::nullopt);
    EXPECT_TRUE(take("ins_b"));
    EXPECT_EQ(leader(), "ins_b");
    write([](transaction& tx) { tx.instances().remove("ins_b"); });
    EXPECT_EQ(leader(), std::nullopt);
}

class retention_store_test : public store_fixture {
  protected:
    void publish(std::string const& id, timestamp when) {
        write([=](transaction& tx) {
            tx.publish(
                {.event_id = id,
                 .topic = "runs",
                 .category = "runs",
                 .session_id = {},
                 .principal = {},
                 .type = "t",
                 .occurred_at = when,
                 .payload = "{}"}
            );
        });
    }
    std::int64_t forget_events(timestamp before, std::int64_t limit) {
        return write([=](transaction& tx) { return tx.retention().remove_events_before(before, limit); });
    }
    strings events() {
        strings ids;
        auto page = read([](snapshot& seen) { return seen.events().read(0, 100); });
        for (auto const& e : page.events) ids.push_back(e.value.event_id);
        return ids;
    }
    std::int64_t oldest_seq() {
        return read([](snapshot& seen) { return seen.events().read(0, 1).oldest_seq; });
    }
};
ON_BOTH_STORES(retention_store_test);

TEST_P(retention_store_test, old_events_go_and_the_oldest_number_rises) {
    for (int i = 1; i <= 5; ++i) publish("e" + std::to_string(i), at(i));
    auto first = oldest_seq();
    EXPECT_EQ(forget_events(at(1), 10), 0);
    EXPECT_EQ(forget_events(at(4), 2), 2);
    EXPECT_EQ(events(), (strings{"e3", "e4", "e5"}));
    EXPECT_EQ(oldest_seq(), first + 2);
    EXPECT_EQ(forget_events(at(4), 10), 1);
    EXPECT_EQ(events(), (strings{"e4", "e5"}));
}

TEST_P(retention_store_test, the_newest_event_stays_so_that_numbers_go_on) {
    publish("e1", at(1));
    publish("e2", at(2));
    EXPECT_EQ(forget_events(at(100), 10), 1);
    EXPECT_EQ(forget_events(at(100), 10), 0);
    auto head = read([](snapshot& seen) { return seen.events().head(); });
    publish("e3", at(3));
    EXPECT_EQ(read([](snapshot& seen) { return seen.events().head(); }), head + 1);
    EXPECT_EQ(events(), (strings{"e2", "e3"}));
}

TEST_P(retention_store_test, an_old_run_goes_with_its_tape_piece_by_piece) {
    write([](transaction& tx) {
        tx.sessions().insert_if_new(sample_session());
        for (auto const* id : {"run_00000000000000000000000001", "run_00000000000000000000000002"}) {
            auto r = sample_run(id, id[29] - '0');
            r.state = core::run_state::succeeded;
            r.finished_at = at(id[29] == '1' ? 10 : 20);
            tx.runs().insert(r);
            std::vector<core::tape_item> items;
            for (std::int64_t seq = 1; seq <= 5; ++seq) items.push_back(sample_item(seq));
            tx.runs().append_tape(id, items);
            tx.runs().insert_step(sample_step(id, 1));
            tx.runs().add_to_inbox(id, "input", "{}");
        }
        core::message m;
        m.session_id = "ses_1";
        m.run_id = "run_00000000000000000000000001";
        m.role = "user";
        tx.sessions().append_message(m);
    });
    auto tape_of = [this](std::string const& id) {
        return read([=](snapshot& seen) { return seen.runs().tape(id, 0, 100).size(); });
    };
    auto remove = [this](timestamp before) {
        return write([=](transaction& tx) { return tx.retention().remove_runs_before(before, 10); });
    };
    auto remains = [this](std::int64_t limit) {
        return write([=](transaction& tx) { return tx.retention().remove_remains(limit); });
    };
    EXPECT_EQ(remove(at(10)), 0);
    EXPECT_EQ(remove(at(20)), 1);
    EXPECT_EQ(remove(at(20)), 0);
    EXPECT_EQ(tape_of("run_00000000000000000000000001"), 5);
    EXPECT_EQ(remains(3), 3);
    EXPECT_EQ(tape_of("run_00000000000000000000000001"), 2);
    EXPECT_LT(remains(100), 100);
    EXPECT_EQ(tape_of("run_00000000000000000000000001"), 0);
    EXPECT_EQ(remains(100), 0);
    EXPECT_EQ(tape_of("run_00000000000000000000000002"), 5);
    EXPECT_FALSE(read([](snapshot& seen) {
        return seen.runs().find_step("run_00000000000000000000000001", 1).has_value();
    }));
    EXPECT_EQ(read([](snapshot& seen) { return seen.sessions().messages("ses_1", 0, 10).size(); }), 1);
}

TEST_P(retention_store_test, old_firings_go) {
    write([](transaction& tx) {
        for (int i = 1; i <= 3; ++i) {
            core::trigger_firing f;
            f.trigger_id = "trg_a";
            f.slot = std::to_string(i);
            f.due_at = at(i);
            tx.triggers().insert_firing_if_new(f);
        }
    });
    auto forget = [this](std::int64_t limit) {
        return write([=](transaction& tx) { return tx.retention().remove_firings_before(at(3), limit); });
    };
    EXPECT_EQ(forget(1), 1);
    EXPECT_EQ(forget(10), 1);
    EXPECT_EQ(forget(10), 0);
}

} // namespace
} // namespace gatehouse::persistence
