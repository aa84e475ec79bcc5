#include "tests/unit/app/methods/method_fixture.hpp"

#include <fmt/format.h>

namespace gatehouse::testing {
namespace {

class triggers_test : public method_fixture {
  protected:
    // trigger.put with these members and whatever is needed beside them.
    std::string put(std::string const& members, std::string const& name = "t") {
        return fmt::format(R"({{"name":"{}","input":{{"text":"hello"}},{}}})", name, members);
    }
    std::string named(std::string const& name = "t") { return fmt::format(R"({{"name":"{}"}})", name); }
};
ON_BOTH_STORES(triggers_test);

constexpr char const* every_minute = R"("kind":"cron","cron":"* * * * *")";
constexpr char const* a_hook = R"("kind":"hook","secret":"a secret of sixteen")";

TEST_P(triggers_test, what_a_trigger_cannot_be_is_refused_with_the_member) {
    struct refusal {
        char const* members;
        char const* path;
    };
    static constexpr std::array table{
        refusal{R"("kind":"cron")", "/cron"},
        refusal{R"("kind":"cron","cron":"")", "/cron"},
        refusal{R"("kind":"cron","cron":"* * * *")", "/cron"},
        refusal{R"("kind":"cron","cron":"0 0 30 2 *")", "/cron"},
        refusal{R"("kind":"cron","cron":"0 0 30 2 *","enabled":false)", "/cron"},
        refusal{R"("kind":"cron","cron":"* * * * *","time_zone":"Mars/Base")", "/time_zone"},
        refusal{R"("kind":"cron","cron":"* * * * *","time_zone":"")", "/time_zone"},
        refusal{R"("kind":"cron","cron":"* * * * *","every_ms":1000)", "/every_ms"},
        refusal{R"("kind":"cron","cron":"* * * * *","secret":"a secret of sixteen")", "/secret"},
        refusal{R"("kind":"interval")", "/every_ms"},
        refusal{R"("kind":"interval","every_ms":999)", "/every_ms"},
        refusal{R"("kind":"interval","every_ms":0)", "/every_ms"},
        refusal{R"("kind":"interval","every_ms":-1000)", "/every_ms"},
        refusal{R"("kind":"interval","every_ms":31536000001)", "/every_ms"},
        refusal{R"("kind":"interval","every_ms":1000,"cron":"* * * * *")", "/cron"},
        refusal{R"("kind":"interval","every_ms":1000,"time_zone":"UTC")", "/time_zone"},
        refusal{R"("kind":"heartbeat")", "/every_ms"},
        refusal{R"("kind":"heartbeat","every_ms":1000,"secret":"a secret of sixteen")", "/secret"},
        refusal{R"("kind":"hook")", "/secret"},
        refusal{R"("kind":"hook","secret":"fifteen letters")", "/secret"},
        refusal{R"("kind":"hook","secret":"                ")", "/secret"},
        refusal{R"("kind":"hook","secret":"a secret of sixteen","every_ms":1000)", "/every_ms"},
        refusal{R"("kind":"hook","secret":"a secret of sixteen","time_zone":"UTC")", "/time_zone"},
        refusal{R"("kind":"weekly")", "/kind"},
        refusal{R"("kind":"interval","every_ms":1000,"missed":"all")", "/missed"},
        refusal{R"("kind":"interval","every_ms":1000,"agent":"nobody")", "/agent"},
        refusal{R"("kind":"interval","every_ms":1000,"session_key":"")", "/session_key"},
        refusal{
            R"("kind":"interval","every_ms":1000,"session_key":"ses_01KAJ7R8B2H6N7P8Q9R0S1T2V3")",
            "/session_key"
        },
    };
    for (auto const& [members, path] : table) {
        SCOPED_TRACE(members);
        auto reply = call("trigger.put", put(members));
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, errc::invalid_params);
        EXPECT_EQ(reply.error().details.as_array().at(0).at("path").as_string(), path);
        EXPECT_EQ(code_of("trigger.get", named()), errc::not_found);
    }
}

TEST_P(triggers_test, a_session_of_somebody_else_is_refused) {
    auto of_bob = must("session.resolve", "{}", bob());
    auto members =
        fmt::format(R"("kind":"interval","every_ms":1000,"session_key":"{}")", text(of_bob, "session_id"));
    auto refused = call("trigger.put", put(members));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().details.as_array().at(0).at("path").as_string(), "/session_key");
    EXPECT_EQ(text(must("trigger.put", put(members), bob()), "session_key"), text(of_bob, "session_id"));
}

TEST_P(triggers_test, an_attachment_nobody_put_is_refused) {
    auto refused = call(
        "trigger.put",
        R"({"name":"t","kind":"interval","every_ms":1000,
            "input":{"text":"","attachments":[{"artifact_id":"art_none"}]}})"
    );
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().details.as_array().at(0).at("path").as_string(), "/input/attachments/0");
}

TEST_P(triggers_test, put_makes_and_replaces_and_the_reply_is_what_get_shows) {
    auto made = must("trigger.put", put(every_minute));
    EXPECT_TRUE(text(made, "trigger_id").starts_with("trg_"));
    EXPECT_EQ(made.at("revision").as_int64(), 1);
    EXPECT_EQ(made.at("enabled"), true);
    EXPECT_EQ(text(made, "missed"), "skip");
    EXPECT_EQ(text(made, "principal"), "user:alice");
    EXPECT_EQ(must("trigger.get", named()), made);
    auto replaced = must("trigger.put", put(R"("kind":"interval","every_ms":60000,"missed":"run_once")"));
    EXPECT_EQ(replaced.at("revision").as_int64(), 2);
    EXPECT_EQ(text(replaced, "trigger_id"), text(made, "trigger_id"));
    EXPECT_EQ(text(replaced, "created_at"), text(made, "created_at"));
    EXPECT_FALSE(replaced.contains("cron"));
    EXPECT_EQ(must("trigger.get", named()), replaced);
}

TEST_P(triggers_test, other_words_keep_the_next_slot_and_other_times_do_not) {
    auto next = [&](std::string const& members) {
        auto shown = must("trigger.put", put(members));
        return shown.contains("next_fire_at") ? text(shown, "next_fire_at") : "none";
    };
    auto first = next(R"("kind":"interval","every_ms":60000)");
    time_.advance(std::chrono::seconds(10));
    EXPECT_EQ(next(R"("kind":"interval","every_ms":60000,"agent":"default")"), first);
    EXPECT_NE(next(R"("kind":"interval","every_ms":61000)"), first);
    EXPECT_EQ(next(R"("kind":"interval","every_ms":61000,"enabled":false)"), "none");
    EXPECT_NE(next(R"("kind":"interval","every_ms":60000)"), first);
    EXPECT_EQ(next(a_hook), "none");
}

TEST_P(triggers_test, a_name_belongs_to_one_principal) {
    must("trigger.put", put(every_minute));
    EXPECT_EQ(code_of("trigger.put", put(every_minute), bob()), errc::wrong_state);
    EXPECT_EQ(code_of("trigger.put", put(every_minute), admin()), errc::wrong_state);
    for (auto const* method : {"trigger.get", "trigger.delete", "trigger.fire", "trigger.firings"})
        EXPECT_EQ(code_of(method, named(), bob()), errc::not_found) << method;
    EXPECT_TRUE(must("trigger.list", "{}", bob()).at("items").as_array().empty());
    EXPECT_EQ(must("trigger.list", "{}", admin()).at("items").as_array().size(), 1u);
    EXPECT_EQ(text(must("trigger.get", named(), admin()), "principal"), "user:alice");
    must("trigger.delete", named(), admin());
    EXPECT_EQ(code_of("trigger.get", named()), errc::not_found);
}

TEST_P(triggers_test, a_secret_is_never_shown) {
    auto shown =
        json::serialize(must("trigger.put", put(a_hook))) + json::serialize(must("trigger.get", named())) +
        json::serialize(must("trigger.list", "{}")) +
        json::serialize(must("trigger.put", put(std::string(a_hook) + R"(,"idempotency_key":"k")"))) +
        json::serialize(must("trigger.put", put(std::string(a_hook) + R"(,"idempotency_key":"k")")));
    EXPECT_EQ(shown.find("a secret of sixteen"), std::string::npos);
    EXPECT_EQ(shown.find("secret"), std::string::npos);
    auto short_one = call("trigger.put", put(R"("kind":"hook","secret":"a short one")"));
    EXPECT_EQ(short_one.error().message.find("a short one"), std::string::npos);
}

TEST_P(triggers_test, fired_by_hand_it_starts_its_makers_run_at_once) {
    must("trigger.put", put(R"("kind":"interval","every_ms":60000,"session_key":"main","enabled":false)"));
    auto fired = must("trigger.fire", R"({"name":"t","idempotency_key":"k"})", admin());
    EXPECT_EQ(must("trigger.fire", R"({"name":"t","idempotency_key":"k"})", admin()), fired);
    auto run = must("run.get", fmt::format(R"({{"run_id":"{}"}})", text(fired, "run_id")));
    EXPECT_EQ(text(run, "principal"), "user:alice");
    auto firings = must("trigger.firings", named()).at("items").as_array();
    ASSERT_EQ(firings.size(), 1u);
    EXPECT_EQ(firings[0].at("slot"), fired.at("slot"));
    EXPECT_EQ(firings[0].at("run_id"), fired.at("run_id"));
    EXPECT_EQ(firings[0].at("state").as_string(), "fired");
}

TEST_P(triggers_test, firings_come_in_pages) {
    must("trigger.put", put(every_minute));
    std::vector<std::string> slots;
    for (int i = 0; i < 5; ++i) {
        slots.insert(slots.begin(), text(must("trigger.fire", named()), "slot"));
        time_.advance(std::chrono::milliseconds(10));
    }
    std::vector<std::string> listed;
    std::string after;
    do {
        auto page = must("trigger.firings", fmt::format(R"({{"name":"t","limit":2{}}})", after));
        for (auto const& item : page.at("items").as_array()) listed.emplace_back(item.at("slot").as_string());
        after = page.contains("next") ? fmt::format(R"(,"after":"{}")", text(page, "next")) : "";
    } while (!after.empty());
    EXPECT_EQ(listed, slots);
}

TEST_P(triggers_test, a_deleted_name_is_free_and_its_firings_are_not_the_next_ones) {
    must("trigger.put", put(every_minute));
    must("trigger.fire", named());
    EXPECT_EQ(must("trigger.delete", named()), json::object());
    EXPECT_EQ(code_of("trigger.delete", named()), errc::not_found);
    must("trigger.put", put(every_minute), bob());
    EXPECT_TRUE(must("trigger.firings", named(), bob()).at("items").as_array().empty());
}

} // namespace
} // namespace gatehouse::testing
