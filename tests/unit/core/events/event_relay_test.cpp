#include "core/events/event_relay.hpp"

#include "core/events/make_event.hpp"
#include "tests/support/store_fixture.hpp"

#include <boost/json/parse.hpp>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

// Keeps the numbers of the events it is told of, and the cursors that came with them.
class listener final : public event_subscriber {
  public:
    void on_events(cursor at, std::vector<outgoing_event> const& events) override {
        EXPECT_GE(at.seq, cursor_.seq) << "the cursor went back";
        for (auto const& each : events) {
            EXPECT_GT(each.at.seq, cursor_.seq) << "an event's own cursor does not grow";
            EXPECT_LE(each.at.seq, at.seq);
            cursor_ = each.at;
            auto const event = boost::json::parse(each.text);
            heard.push_back(event.at("payload").at("n").as_int64());
        }
        cursor_ = at;
    }
    void on_ephemeral(cursor, std::string_view event) override { ephemeral.emplace_back(event); }
    void on_cursor_expired(cursor) override { expired = true; }

    std::vector<std::int64_t> heard;
    std::vector<std::string> ephemeral;
    bool expired = false;
    cursor cursor_;
};

class event_relay_test : public testing::store_fixture {
  protected:
    void SetUp() override {
        store_fixture::SetUp();
        if (!IsSkipped()) begin();
    }
    void TearDown() override {
        if (relay_) end();
        store_fixture::TearDown();
    }

    void begin() {
        relay_ = std::make_unique<event_relay>(loop_, *db_, time_, ids_);
        start(relay_->start());
        wait_for_started();
        db_->set_commit_listener([this](commit_signals const& signals) {
            if (relay_ && hears_commits_) relay_->on_signals(signals);
        });
        start(relay_->run());
    }
    void end() {
        start(relay_->stop());
        wait_for_started();
        db_->set_commit_listener({});
        relay_.reset();
    }

    // Events numbered on from the last one, in one commit.
    void publish(int events) {
        auto const first = published_;
        published_ += events;
        write([first, events](transaction& tx) {
            for (auto n = first + 1; n <= first + events; ++n)
                tx.publish(make_shared_event(tx, "nodes", "node.updated", {{"n", n}}));
        });
    }
    static std::vector<std::int64_t> numbers(std::int64_t after, std::int64_t to) {
        std::vector<std::int64_t> out;
        for (auto n = after + 1; n <= to; ++n) out.push_back(n);
        return out;
    }
    event_filter all() const {
        event_filter f;
        f.topics = {"*"};
        f.principal = "ada";
        return f;
    }
    bool wait_for(listener const& l, std::int64_t number) {
        return loop_.run_until([&] { return !l.heard.empty() && l.heard.back() >= number; });
    }
    result<cursor> check(std::optional<std::string> after) {
        std::optional<result<cursor>> checked;
        start([](event_relay& relay, std::optional<std::string> from, auto& to) -> task<> {
            to = co_await relay.check(from);
        }(*relay_, after, checked));
        loop_.run_until([&] { return checked.has_value(); });
        return *checked;
    }

    std::unique_ptr<event_relay> relay_;
    std::int64_t published_ = 0;
    bool hears_commits_ = true;
};
ON_BOTH_STORES(event_relay_test);

TEST_P(event_relay_test, a_subscriber_hears_every_commit_in_order) {
    listener l;
    auto id = relay_->subscribe(all(), relay_->head(), l);
    for (int events : {1, 3, 99, 100, 101, 250}) publish(events);
    ASSERT_TRUE(wait_for(l, published_));
    EXPECT_EQ(l.heard, numbers(0, published_));
    EXPECT_EQ(l.cursor_.seq, published_);
    relay_->unsubscribe(id);
    publish(1);
    loop_.run_until([&] { return relay_->head().seq == published_; });
    EXPECT_EQ(l.heard.size(), published_ - 1);
}

// Whatever was read, replayed or committed in between: each subscriber begins at each point of the log while
// it grows, and hears each event once.
TEST_P(event_relay_test, who_resumes_at_any_point_of_a_growing_log_misses_nothing_and_hears_nothing_twice) {
    publish(205);
    std::vector<std::unique_ptr<listener>> listeners;
    std::vector<std::pair<std::int64_t, std::uint64_t>> begun;
    auto subscribe = [&](std::int64_t from) {
        listeners.push_back(std::make_unique<listener>());
        begun.emplace_back(from, relay_->subscribe(all(), {1, from}, *listeners.back()));
    };
    for (std::int64_t from : {0, 1, 4, 5, 99, 100, 101, 104, 105, 106, 199, 200, 201, 204, 205}) {
        subscribe(from);
        publish(7); // replay, live delivery and this commit overlap
        subscribe(from);
    }
    publish(100);
    for (auto const& l : listeners) ASSERT_TRUE(wait_for(*l, published_));
    for (std::size_t i = 0; i < listeners.size(); ++i)
        EXPECT_EQ(listeners[i]->heard, numbers(begun[i].first, published_)) << "from " << begun[i].first;
    for (auto const& [from, id] : begun) relay_->unsubscribe(id);
}

// The commit tells what it logged; what lies between comes from the store, and nothing twice.
TEST_P(event_relay_test, a_commit_that_tells_more_than_the_next_events_is_read_instead) {
    listener l;
    auto id = relay_->subscribe(all(), relay_->head(), l);
    publish(2);
    ASSERT_TRUE(wait_for(l, 2));
    hears_commits_ = false;
    publish(3);
    hears_commits_ = true;
    publish(4);
    ASSERT_TRUE(wait_for(l, 9));
    EXPECT_EQ(l.heard, numbers(0, 9));
    commit_signals old;
    old.outbox = true;
    old.events = {{3, {}}, {4, {}}};
    relay_->on_signals(old);
    publish(1);
    ASSERT_TRUE(wait_for(l, 10));
    EXPECT_EQ(l.heard, numbers(0, 10));
    relay_->unsubscribe(id);
}

TEST_P(event_relay_test, who_stands_ahead_of_the_relay_hears_nothing_twice) {
    hears_commits_ = false;
    // The relay may be in the middle of its first look, and see what is committed now.
    do publish(150);
    while (relay_->head().seq >= published_);
    listener l;
    auto const ahead = published_;
    auto from = check("c1." + std::to_string(ahead));
    ASSERT_TRUE(from);
    auto id = relay_->subscribe(all(), *from, l);
    publish(150);
    ASSERT_TRUE(loop_.advance_until([&] { return l.heard.size() == 150; }, 500ms));
    EXPECT_EQ(l.heard, numbers(ahead, ahead + 150));
    relay_->unsubscribe(id);
}

TEST_P(event_relay_test, without_a_wake_up_the_poll_finds_what_was_committed) {
    hears_commits_ = false;
    listener l;
    auto id = relay_->subscribe(all(), relay_->head(), l);
    loop_.run_until_idle();
    publish(3);
    EXPECT_TRUE(loop_.advance_until([&] { return l.heard.size() == 3; }, 500ms));
    relay_->unsubscribe(id);
}

TEST_P(event_relay_test, a_store_that_fails_during_a_replay_is_asked_again) {
    publish(250);
    loop_.run_until([&] { return relay_->head().seq == 250; });
    loop_.run_until_idle();
    listener l;
    failures_.fail_at(0);
    auto id = relay_->subscribe(all(), {1, 0}, l);
    ASSERT_TRUE(loop_.advance_until([&] { return l.heard.size() == 250; }, 500ms));
    EXPECT_TRUE(failures_.has_failed());
    EXPECT_EQ(l.heard, numbers(0, 250));
    relay_->unsubscribe(id);
}

TEST_P(event_relay_test, a_cursor_that_is_none_or_of_a_lost_tail_is_refused) {
    publish(5);
    loop_.run_until([&] { return relay_->head().seq == 5; });
    EXPECT_EQ(check(std::nullopt)->seq, 5);
    EXPECT_EQ(check("c1.2")->seq, 2);
    struct {
        char const* after;
        errc code;
    } const cases[]{
        {"", errc::invalid_params},     {"5", errc::invalid_params},    {"c1.5 ", errc::invalid_params},
        {"c1.6", errc::cursor_expired}, {"c2.0", errc::cursor_expired},
    };
    for (auto const& c : cases) {
        auto refused = check(c.after);
        ASSERT_FALSE(refused) << c.after;
        EXPECT_EQ(refused.error().code, c.code) << c.after;
    }
}

TEST_P(event_relay_test, a_quiet_subscription_is_told_where_it_stands) {
    listener l;
    auto only_runs = all();
    only_runs.topics = {"runs"};
    auto id = relay_->subscribe(only_runs, relay_->head(), l);
    publish(10);
    loop_.run_until([&] { return relay_->head().seq == 10; });
    EXPECT_TRUE(l.heard.empty());
    ASSERT_TRUE(loop_.run_until([&] {
        loop_.advance(10s);
        return l.cursor_.seq == 10;
    }));
    EXPECT_TRUE(l.heard.empty());
    relay_->unsubscribe(id);
}

TEST_P(event_relay_test, deltas_reach_those_who_have_caught_up_and_are_marked) {
    listener l;
    auto id = relay_->subscribe(all(), relay_->head(), l);
    relay_->on_delta({"run_1", "ses_1", "ada", "turn_1", 0}, 0, "hel");
    relay_->on_delta({"run_2", "ses_2", "bob", "turn_1", 0}, 0, "not for ada");
    ASSERT_EQ(l.ephemeral.size(), 1);
    auto delta = boost::json::parse(l.ephemeral[0]);
    EXPECT_EQ(delta.at("ephemeral"), true);
    EXPECT_EQ(delta.at("payload").at("text"), "hel");
    relay_->unsubscribe(id);
}

// A standby that was promoted lacked the last events, and gives their numbers again.
TEST_P(event_relay_test, a_log_that_lost_its_end_goes_on_under_a_new_epoch) {
    listener l;
    publish(5);
    auto id = relay_->subscribe(all(), {1, 0}, l);
    ASSERT_TRUE(wait_for(l, 5));
    auto const old_head = encode_cursor(relay_->head());
    relay_->unsubscribe(id);
    hears_commits_ = false;
    store_->run_from_outside("DELETE FROM outbox WHERE seq > 3");
    store_->run_from_outside("INSERT INTO log_epochs (epoch, timeline, first_seq) VALUES (2, 7, 4)");
    ASSERT_TRUE(loop_.advance_until([&] { return relay_->head().epoch == 2; }, 100ms));
    EXPECT_EQ(relay_->head().seq, 3);
    auto const lost = check(old_head);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, errc::cursor_expired);
    EXPECT_EQ(lost.error().details.at("reason"), "tail_lost");
    EXPECT_EQ(check("c1.3")->epoch, 2) << "what both histories have is good";
    listener again;
    relay_->subscribe(all(), *check("c1.3"), again);
    listener late;
    relay_->subscribe(all(), {1, 5}, late); // was looked at while the log still had its end
    publish(1);
    ASSERT_TRUE(loop_.advance_until([&] { return again.heard.size() == 1 && late.heard.size() == 1; }, 100ms)
    );
    EXPECT_EQ(again.heard.back(), 6);
    EXPECT_EQ(late.heard.back(), 6);
}

TEST_P(event_relay_test, who_is_in_the_new_epoch_before_this_process_misses_nothing) {
    publish(3);
    ASSERT_TRUE(loop_.advance_until([&] { return relay_->head().seq == 3; }, 100ms));
    listener ahead;
    relay_->subscribe(all(), {2, 3}, ahead);
    publish(1);
    ASSERT_TRUE(loop_.advance_until([&] { return relay_->head().seq == 4; }, 100ms));
    store_->run_from_outside("INSERT INTO log_epochs (epoch, timeline, first_seq) VALUES (2, 7, 5)");
    publish(1);
    ASSERT_TRUE(loop_.advance_until([&] { return ahead.heard.size() == 2; }, 100ms));
    EXPECT_EQ(ahead.heard, (std::vector<std::int64_t>{4, 5}));
}

TEST_P(event_relay_test, a_cursor_behind_what_is_kept_is_refused_with_the_oldest_one) {
    publish(5);
    write([](transaction& tx) { return tx.retention().remove_events_before(tx.now() + 1h, 3); });
    auto const gone = check("c1.1");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, errc::cursor_expired);
    EXPECT_EQ(gone.error().details.at("reason"), "retention");
    EXPECT_EQ(gone.error().details.at("oldest_cursor"), "c1.3");
    EXPECT_TRUE(check("c1.3"));
}

} // namespace
} // namespace gatehouse::core
