#include "core/runs/follow_up.hpp"

#include "core/runs/fork_run.hpp"
#include "core/sessions/delete_session.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class follow_up_test : public run_fixture {
  protected:
    // A run of the session from its start to its end.
    std::string answer(std::string const& key, std::string text, std::string said = "hi") {
        run_request request;
        request.session_key = key;
        auto lease = start(std::move(text), std::move(request));
        advance(lease);
        EXPECT_EQ(advance(lease, answered(std::move(said))).state, run_state::succeeded);
        return lease.session_id;
    }
    std::vector<run> background() {
        run_filter wanted;
        wanted.purpose = run_purpose::label;
        return read([wanted](snapshot& view) { return view.runs().list(wanted); });
    }
    run_lease claim_background() {
        auto leases = write([me = settings_.instance_id](transaction& tx) {
            return claim_runs(tx, me, 16, run_queue::background);
        });
        if (leases.size() != 1) throw std::runtime_error(std::to_string(leases.size()) + " were due");
        return leases.front().lease;
    }
    std::optional<std::string> label_of(std::string const& session_id) {
        return read([session_id](snapshot& view) { return view.sessions().find(session_id)->label; });
    }
    session resolve_with(std::function<void(session_request&)> change, std::string const& key = "main") {
        session_request wanted;
        wanted.principal = "ada";
        wanted.session_key = key;
        change(wanted);
        return write([wanted](transaction& tx) { return resolve_session(tx, wanted); })->value;
    }
    strings events(std::string const& type) {
        strings found;
        for (auto const& e : read([](snapshot& view) { return view.events().read(0, 1'000); }).events)
            if (e.value.type == type) found.push_back(e.value.topic);
        return found;
    }
    std::int64_t messages_of(std::string const& session_id) {
        return std::ssize(read([session_id](snapshot& view) {
            return view.sessions().messages(session_id, 0, 100);
        }));
    }
};
ON_BOTH_STORES(follow_up_test);

TEST_P(follow_up_test, a_conversation_gets_its_label_from_its_beginning_once_it_goes_on) {
    auto in = answer("main", "What is a lease?", "A right that ends.");
    EXPECT_TRUE(background().empty());
    answer("main", "And a fence?");
    ASSERT_EQ(background().size(), 1);
    auto const changes = events("run.state_changed").size();
    auto lease = claim_background();
    auto asked = advance(lease);
    ASSERT_EQ(asked.what, kind::turn);
    EXPECT_EQ(asked.request.purpose, run_purpose::label);
    EXPECT_TRUE(asked.request.tools.empty());
    ASSERT_EQ(asked.request.messages.size(), 3);
    EXPECT_EQ(asked.request.messages[0].text, "What is a lease?");
    EXPECT_EQ(asked.request.messages[1].text, "A right that ends.");
    EXPECT_EQ(advance(lease, answered("\n \"Leases and fences.\"\nI hope that helps.")).what, kind::finished);
    EXPECT_EQ(label_of(in), "Leases and fences");
    EXPECT_EQ(events("session.updated"), strings{"session:" + in});
    EXPECT_EQ(events("run.state_changed").size(), changes);
    EXPECT_EQ(messages_of(in), 4);
    expect_sound_tape(lease.run_id);
    for (int n = 3; n <= 4; ++n) answer("main", "more");
    EXPECT_EQ(background().size(), 1);
}

TEST_P(follow_up_test, what_a_person_said_meanwhile_stays) {
    auto in = answer("main", "one");
    answer("main", "two");
    auto lease = claim_background();
    advance(lease);
    resolve_with([](session_request& wanted) { wanted.label = "Mine"; });
    advance(lease, answered("Its"));
    EXPECT_EQ(get(lease.run_id).state, run_state::succeeded);
    EXPECT_EQ(label_of(in), "Mine");
    EXPECT_EQ(resolve_with([](session_request& wanted) { wanted.mode = session_mode::steer; }).label, "Mine");
}

TEST_P(follow_up_test, nothing_follows_where_nobody_would_read_it) {
    auto twice = [this](std::string const& key) {
        answer(key, "one");
        answer(key, "two");
    };
    twice("channel:mail:ada");
    twice("trigger:morning");
    resolve_with([](session_request& wanted) { wanted.label = "Mine"; });
    twice("main");
    settings_.session_labels = false;
    twice("other");
    EXPECT_TRUE(background().empty());
}

TEST_P(follow_up_test, a_model_that_fails_three_times_leaves_the_session_as_it_is_until_it_has_grown) {
    auto in = answer("main", "one");
    answer("main", "two");
    auto lease = claim_background();
    for (auto expected : {kind::released, kind::released, kind::finished}) {
        EXPECT_EQ(advance(lease).what, kind::turn);
        EXPECT_EQ(advance(lease, failed("unavailable", true, 0ms)).what, expected);
        if (expected == kind::released) lease = claim_background();
    }
    EXPECT_EQ(get(lease.run_id).state, run_state::failed);
    EXPECT_EQ(label_of(in), std::nullopt);
    answer("main", "three");
    EXPECT_EQ(background().size(), 1);
    answer("main", "four");
    EXPECT_EQ(background().size(), 2);
    lease = claim_background();
    advance(lease);
    advance(lease, answered("At last"));
    EXPECT_EQ(label_of(in), "At last");
}

TEST_P(follow_up_test, it_stands_in_nobodys_way_and_in_no_list) {
    answer("main", "one");
    auto in = answer("main", "two");
    auto lease = claim_background();
    advance(lease);
    answer("main", "three");
    EXPECT_EQ(read([](snapshot& view) { return view.runs().list({}); }).size(), 3);
    EXPECT_EQ(get(lease.run_id).ordinal, -1);
    auto input = tell(lease.run_id, "hello");
    ASSERT_FALSE(input);
    EXPECT_EQ(input.error().code, errc::wrong_state);
    auto fork = write([&](transaction& tx) { return fork_run(tx, lease.run_id, 1, {"ada", false}); });
    ASSERT_FALSE(fork);
    EXPECT_EQ(fork.error().code, errc::wrong_state);
    advance(lease, answered("", {call("node__fs__wipe")}));
    EXPECT_EQ(get(lease.run_id).state, run_state::succeeded);
    EXPECT_EQ(label_of(in), std::nullopt);
    EXPECT_FALSE(read([&](snapshot& view) { return view.runs().find_step(lease.run_id, 1); }));
}

TEST_P(follow_up_test, it_passes_on_and_ends_with_its_session) {
    auto in = answer("main", "one");
    answer("main", "two");
    auto old = claim_background();
    advance(old);
    lose_owner();
    auto lease = claim_background();
    EXPECT_EQ(advance(old, answered("stale")).what, kind::lost);
    advance(lease);
    auto gone = write([&](transaction& tx) { return delete_session(tx, in, {"ada", false}); });
    ASSERT_TRUE(gone) << gone.error().message;
    EXPECT_EQ(advance(lease, answered("late")).what, kind::lost);
    EXPECT_TRUE(background().empty());
}

TEST_P(follow_up_test, a_label_is_one_line_of_bounded_length) {
    struct row {
        std::string said;
        std::optional<std::string> label;
    };
    std::string const long_title(200, 'x');
    row const rows[] = {
        {"Leases", "Leases"}, {"\"Leases.\"", "Leases"},      {"**Leases**\r\nmore", "Leases"},
        {"# a\tb", "a b"},    {".NET and C#", ".NET and C#"}, {long_title, long_title.substr(0, 80)},
        {"", std::nullopt},   {" \n\"\" ", std::nullopt},
    };
    int n = 0;
    for (auto const& each : rows) {
        auto const key = "session " + std::to_string(++n);
        answer(key, "one");
        auto in = answer(key, "two");
        auto lease = claim_background();
        advance(lease);
        advance(lease, answered(each.said));
        EXPECT_EQ(label_of(in), each.label) << each.said;
    }
}

} // namespace
} // namespace gatehouse::core
