#include "core/events/event_relay.hpp"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

event make(
    std::string topic, std::string category, std::optional<std::string> principal = std::nullopt,
    std::optional<std::string> session_id = std::nullopt
) {
    event e;
    e.topic = std::move(topic);
    e.category = std::move(category);
    e.principal = std::move(principal);
    e.session_id = std::move(session_id);
    return e;
}

event_filter listening(std::vector<std::string> topics) {
    event_filter f;
    f.topics = std::move(topics);
    f.principal = "ada";
    return f;
}

TEST(event_filter_test, a_topic_matches_the_event_its_session_and_its_class) {
    auto const e = make("run:run_1", "runs", "ada", "ses_1");
    struct {
        char const* topic;
        bool matches;
    } const cases[]{
        {"*", true},
        {"run:run_1", true},
        {"runs", true},
        {"session:ses_1", true},
        {"run:run_2", false},
        {"session:ses_2", false},
        {"session:", false},
        {"run:", false},
        {"approvals", false},
        {"session:es_1", false},
        {"session:xses_1", false},
        {"run", false},
        {"session:ses_11", false},
        {"", false},
        {"ses_1", false},
    };
    for (auto const& c : cases) EXPECT_EQ(listening({c.topic}).matches(e), c.matches) << c.topic;
    EXPECT_TRUE(listening({"nodes", "runs"}).matches(e));
    EXPECT_FALSE(listening({}).matches(e));
}

TEST(event_filter_test, another_principals_events_are_seen_by_admins_only) {
    auto const e = make("run:run_1", "runs", "bob");
    EXPECT_FALSE(listening({"*"}).matches(e));
    EXPECT_FALSE(listening({"run:run_1"}).matches(e));
    auto admin = listening({"*"});
    admin.sees_all = true;
    EXPECT_TRUE(admin.matches(e));
}

TEST(event_filter_test, shared_events_are_for_everybody_but_pairings_and_audit) {
    EXPECT_TRUE(listening({"*"}).matches(make("nodes", "nodes")));
    EXPECT_FALSE(listening({"*"}).matches(make("pairings", "pairings")));
    EXPECT_FALSE(listening({"audit"}).matches(make("audit", "audit")));
    auto pairs = listening({"*"});
    pairs.sees_pairings = true;
    EXPECT_TRUE(pairs.matches(make("pairings", "pairings")));
    EXPECT_FALSE(pairs.matches(make("audit", "audit")));
    auto admin = listening({"*"});
    admin.sees_all = true;
    EXPECT_TRUE(admin.matches(make("pairings", "pairings")));
    EXPECT_TRUE(admin.matches(make("audit", "audit")));
}

} // namespace
} // namespace gatehouse::core
