#include "core/triggers/fire_trigger.hpp"

#include "core/triggers/change_trigger.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

#include <map>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class fire_trigger_test : public run_fixture {
  protected:
    // A slot of every trigger here; the rest is counted from it.
    timestamp const first_ = from_ms(1'790'000'000'000);

    trigger put(trigger t) {
        if (t.trigger_id.empty()) t.trigger_id = ids_.make("trg");
        if (t.name.empty()) t.name = "tick";
        t.principal = "ada";
        if (t.input.empty()) t.input = R"({"text":"hello"})";
        if (!t.cron && !t.secret) t.every_ms = 1'000;
        if (t.enabled && !t.secret) t.next_fire_at = first_;
        t.created_at = t.updated_at = time_.now();
        EXPECT_TRUE(write([t](transaction& tx) { return tx.triggers().insert_if_new(t); }));
        return t;
    }
    trigger get_trigger(std::string name = "tick") {
        return *read([name](snapshot& view) { return view.triggers().find(name); });
    }
    // `since` and `now` count from the first slot.
    result<void> fire(trigger const& seen, std::chrono::milliseconds since, std::chrono::milliseconds now) {
        watch watched{first_ + since, first_ + now};
        return write([=, s = settings_](transaction& tx) { return fire_due(tx, seen, watched, s); });
    }
    std::vector<trigger_firing> firings(trigger const& of) {
        auto newest_first = read([id = of.trigger_id](snapshot& view) {
            return view.triggers().firings(id, std::nullopt, 10'000);
        });
        std::ranges::reverse(newest_first);
        return newest_first;
    }
    // "0 fired", "1000 missed", …: the slots by their distance from the first.
    strings outcomes(trigger const& of) {
        strings found;
        for (auto const& f : firings(of))
            found.push_back(
                std::to_string((f.due_at - first_).count()) + " " + std::string(to_string(f.state))
            );
        return found;
    }
    std::vector<run> runs_of_triggers() {
        auto runs = read([](snapshot& view) { return view.runs().list({}); });
        std::ranges::reverse(runs);
        return runs;
    }
    std::vector<event> trigger_events() {
        std::vector<event> found;
        auto page = read([](snapshot& view) { return view.events().read(0, 10'000); });
        for (auto const& each : page.events)
            if (each.value.category == "triggers") found.push_back(each.value);
        return found;
    }
};
ON_BOTH_STORES(fire_trigger_test);

TEST_P(fire_trigger_test, a_due_slot_starts_one_run_of_its_maker_in_a_session_of_its_own) {
    auto t = put({});
    ASSERT_TRUE(fire(t, -10s, 20ms));
    EXPECT_EQ(outcomes(t), strings{"0 fired"});
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 1s);
    auto runs = runs_of_triggers();
    ASSERT_EQ(runs.size(), 1);
    EXPECT_EQ(runs[0].principal, "ada");
    EXPECT_EQ(runs[0].input, R"({"text":"hello"})");
    EXPECT_EQ(firings(t)[0].run_id, runs[0].run_id);
    auto in = read([id = runs[0].session_id](snapshot& view) { return view.sessions().find(id); });
    EXPECT_EQ(in->session_key, "trigger:tick");
    expect_sound_tape(runs[0].run_id);
    auto events = trigger_events();
    ASSERT_EQ(events.size(), 1);
    EXPECT_EQ(events[0].topic, "triggers");
    EXPECT_EQ(events[0].type, "trigger.fired");
    EXPECT_EQ(events[0].principal, "ada");
    EXPECT_EQ(
        parse_own_json(events[0].payload),
        boost::json::value({{"name", "tick"}, {"slot", format_timestamp(first_)}, {"run_id", runs[0].run_id}})
    );
}

TEST_P(fire_trigger_test, who_comes_second_to_a_slot_changes_nothing) {
    auto t = put({});
    ASSERT_TRUE(fire(t, -10s, 20ms));
    auto second = fire(t, -10s, 20ms);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::wrong_state);
    EXPECT_EQ(runs_of_triggers().size(), 1);
    EXPECT_EQ(trigger_events().size(), 1);
}

TEST_P(fire_trigger_test, a_trigger_that_was_replaced_meanwhile_is_left_alone) {
    auto t = put({});
    auto replaced = t;
    replaced.revision = 2;
    write([replaced](transaction& tx) { tx.triggers().save(replaced); });
    EXPECT_FALSE(fire(t, -10s, 20ms));
    EXPECT_TRUE(firings(t).empty());
    EXPECT_TRUE(runs_of_triggers().empty());
}

TEST_P(fire_trigger_test, a_slot_that_has_its_row_is_passed_over) {
    auto t = put({});
    trigger_firing taken;
    taken.trigger_id = t.trigger_id;
    taken.slot = format_timestamp(first_);
    taken.due_at = first_;
    write([taken](transaction& tx) { return tx.triggers().insert_firing_if_new(taken); });
    ASSERT_TRUE(fire(t, -10s, 20ms));
    EXPECT_TRUE(runs_of_triggers().empty());
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 1s);
}

TEST_P(fire_trigger_test, late_slots_fire_in_their_order) {
    auto t = put({});
    ASSERT_TRUE(fire(t, -1ms, 2'500ms));
    EXPECT_EQ(outcomes(t), (strings{"0 fired", "1000 fired", "2000 fired"}));
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 3s);
    auto runs = runs_of_triggers();
    ASSERT_EQ(runs.size(), 3);
    EXPECT_EQ(runs[0].ordinal, 1);
    EXPECT_EQ(runs[2].ordinal, 3);
}

TEST_P(fire_trigger_test, many_late_slots_fire_over_several_transactions) {
    auto t = put({});
    ASSERT_TRUE(fire(t, -1ms, 19'500ms));
    auto after = get_trigger();
    EXPECT_EQ(after.next_fire_at, first_ + 16s);
    ASSERT_TRUE(fire(after, -1ms, 19'500ms));
    EXPECT_EQ(firings(t).size(), 20);
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 20s);
}

TEST_P(fire_trigger_test, slots_of_an_outage_are_missed_or_the_newest_fires) {
    struct outage {
        missed_policy missed;
        std::chrono::milliseconds since;
        strings expected;
    };
    std::vector<outage> const cases{
        {missed_policy::skip, 2'500ms, {"0 missed", "1000 missed", "2000 missed"}},
        {missed_policy::run_once, 2'500ms, {"0 missed", "1000 missed", "2000 fired"}},
        // What is due since a scheduler watches fires anyway, and is the newest.
        {missed_policy::skip, 1'500ms, {"0 missed", "1000 missed", "2000 fired"}},
        {missed_policy::run_once, 1'500ms, {"0 missed", "1000 missed", "2000 fired"}},
        {missed_policy::run_once, 2'000ms, {"0 missed", "1000 missed", "2000 fired"}},
    };
    int n = 0;
    for (auto const& each : cases) {
        SCOPED_TRACE(n);
        trigger wanted;
        wanted.name = "tick" + std::to_string(n++);
        wanted.missed = each.missed;
        auto t = put(wanted);
        ASSERT_TRUE(fire(t, each.since, 2'500ms));
        EXPECT_EQ(outcomes(t), each.expected);
        EXPECT_EQ(get_trigger(t.name).next_fire_at, first_ + 3s);
    }
    for (auto const& e : trigger_events()) EXPECT_NE(e.type, "trigger.failed");
}

TEST_P(fire_trigger_test, of_a_long_outage_the_newest_thousand_slots_have_rows) {
    trigger wanted;
    wanted.missed = missed_policy::run_once;
    auto t = put(wanted);
    ASSERT_TRUE(fire(t, 24h + 1ms, 24h + 1ms));
    auto found = outcomes(t);
    ASSERT_EQ(found.size(), 1'000);
    EXPECT_EQ(found.front(), std::to_string(86'400'000 - 999'000) + " missed");
    EXPECT_EQ(found.back(), "86400000 fired");
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 24h + 1s);
    EXPECT_EQ(trigger_events().size(), 1'000);
}

TEST_P(fire_trigger_test, a_run_that_cannot_be_started_is_a_failed_slot) {
    trigger wanted;
    wanted.agent = "gone";
    auto t = put(wanted);
    ASSERT_TRUE(fire(t, -10s, 20ms));
    EXPECT_EQ(outcomes(t), strings{"0 failed"});
    EXPECT_EQ(firings(t)[0].reason, "There is no agent 'gone'.");
    EXPECT_EQ(firings(t)[0].run_id, std::nullopt);
    EXPECT_EQ(trigger_events().at(0).type, "trigger.failed");
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 1s);
}

TEST_P(fire_trigger_test, times_that_cannot_be_read_any_more_fail_once_an_hour) {
    trigger wanted;
    wanted.kind = trigger_kind::cron;
    wanted.cron = "* * * * *";
    wanted.time_zone = "Europe/Atlantis";
    auto t = put(wanted);
    ASSERT_TRUE(fire(t, -10s, 20ms));
    EXPECT_EQ(outcomes(t), strings{"0 failed"});
    EXPECT_EQ(get_trigger().next_fire_at, first_ + 20ms + 1h);
}

TEST_P(fire_trigger_test, a_heartbeat_leaves_its_session_alone_while_it_works) {
    trigger wanted;
    wanted.kind = trigger_kind::heartbeat;
    wanted.session_key = "main";
    auto t = put(wanted);
    auto busy = start("hello");
    ASSERT_TRUE(fire(t, -10s, 20ms));
    EXPECT_EQ(outcomes(t), strings{"0 missed"});
    EXPECT_EQ(firings(t)[0].reason, "Its session was at work.");
    advance(busy);
    advance(busy, answered("done"));
    ASSERT_TRUE(fire(get_trigger(), -10s, 2'020ms));
    EXPECT_EQ(outcomes(t), (strings{"0 missed", "1000 fired", "2000 missed"}));
}

TEST_P(fire_trigger_test, firing_by_hand_is_a_slot_of_its_own) {
    auto t = put({});
    auto by_hand = [&](actor who) {
        return write([who, s = settings_](transaction& tx) { return fire_by_hand(tx, "tick", who, s); });
    };
    auto one = by_hand({"ada", false});
    auto two = by_hand({"root", true});
    ASSERT_TRUE(one);
    ASSERT_TRUE(two);
    EXPECT_NE(one->slot, two->slot);
    EXPECT_EQ(get(*two->run_id).principal, "ada");
    EXPECT_EQ(get_trigger().next_fire_at, first_);
    auto other = by_hand({"bob", false});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, errc::not_found);
}

TEST_P(fire_trigger_test, what_fails_by_hand_leaves_no_trace) {
    trigger wanted;
    wanted.agent = "gone";
    auto t = put(wanted);
    auto failed =
        write([s = settings_](transaction& tx) { return fire_by_hand(tx, "tick", {"ada", false}, s); });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, errc::wrong_state);
    EXPECT_TRUE(firings(t).empty());
}

} // namespace
} // namespace gatehouse::core
