#include "core/sessions/session_store.hpp"

#include "tests/store_contract/same_fields.hpp"
#include "tests/store_contract/samples.hpp"
#include "tests/support/store_fixture.hpp"

namespace gatehouse::persistence {
namespace {

using namespace gatehouse::testing;
using core::session;
using core::snapshot;
using core::transaction;

class session_store_test : public store_fixture {
  protected:
    bool insert(session const& s) {
        return write([=](transaction& tx) { return tx.sessions().insert_if_new(s); });
    }
    core::message message(std::string text) {
        return {
            .session_id = "ses_1",
            .ordinal = 0,
            .run_id = "run_1",
            .role = "user",
            .text = std::move(text),
            .extra = difficult_json,
            .created_at = at(3)
        };
    }
};

TEST_P(session_store_test, a_session_comes_back_by_id_and_by_key) {
    auto const s = sample_session();
    EXPECT_TRUE(insert(s));
    EXPECT_TRUE(same_fields(read([&](snapshot& seen) { return seen.sessions().find("ses_1"); }), s));
    EXPECT_TRUE(same_fields(
        read([&](snapshot& seen) { return seen.sessions().find_by_key("user:a", s.session_key); }), s
    ));
    EXPECT_FALSE(read([&](snapshot& seen) { return seen.sessions().find_by_key("user:b", s.session_key); }));
}

TEST_P(session_store_test, a_key_is_unique_per_principal) {
    auto const s = sample_session();
    EXPECT_TRUE(insert(s));
    auto again = s;
    again.session_id = "ses_2";
    EXPECT_FALSE(insert(again));
    again.principal = "user:b";
    EXPECT_TRUE(insert(again));
}

TEST_P(session_store_test, a_session_changes) {
    auto s = sample_session();
    insert(s);
    s.agent = "other";
    s.label.reset();
    s.mode = core::session_mode::interrupt;
    s.updated_at = at(99);
    write([=](transaction& tx) {
        EXPECT_TRUE(tx.sessions().lock("ses_1"));
        EXPECT_FALSE(tx.sessions().lock("ses_2"));
        tx.sessions().save(s);
    });
    EXPECT_TRUE(same_fields(read([&](snapshot& seen) { return seen.sessions().find("ses_1"); }), s));
}

TEST_P(session_store_test, lists_go_from_the_last_updated_on) {
    for (int i = 1; i <= 4; ++i) {
        auto s = sample_session("ses_" + std::to_string(i));
        s.updated_at = at(i == 2 ? 50 : i == 3 ? 4 : i);
        if (i == 1) s.principal = "user:b";
        insert(s);
    }
    auto const ids = [this](core::session_filter filter) {
        std::vector<std::string> out;
        for (auto const& each : read([=](snapshot& seen) { return seen.sessions().list(filter); })) {
            out.push_back(each.session_id);
        }
        return out;
    };
    using names = std::vector<std::string>;
    EXPECT_EQ(ids({}), (names{"ses_2", "ses_4", "ses_3", "ses_1"}));
    EXPECT_EQ(ids({{}, {}, 2}), (names{"ses_2", "ses_4"}));
    EXPECT_EQ(ids({{}, "ses_4"}), (names{"ses_3", "ses_1"}));
    EXPECT_EQ(ids({"user:b", {}}), names{"ses_1"});
}

TEST_P(session_store_test, messages_are_numbered_without_holes) {
    insert(sample_session());
    write([this](transaction& tx) {
        for (int i = 0; i < 3; ++i) tx.sessions().append_message(message("m" + std::to_string(i)));
        tx.sessions().append_message(message(difficult_text));
    });
    auto const all = read([](snapshot& seen) { return seen.sessions().messages("ses_1", 0, 100); });
    ASSERT_EQ(all.size(), 4u);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].ordinal, static_cast<std::int64_t>(i + 1));
    auto expected = message(difficult_text);
    expected.ordinal = 4;
    EXPECT_TRUE(same_fields(all[3], expected));
    auto const page = read([](snapshot& seen) { return seen.sessions().messages("ses_1", 1, 2); });
    ASSERT_EQ(page.size(), 2u);
    EXPECT_EQ(page[0].text, "m1");
    auto const latest = read([](snapshot& seen) { return seen.sessions().latest_messages("ses_1", 2); });
    ASSERT_EQ(latest.size(), 2u);
    EXPECT_EQ(latest[0].text, "m2");
    EXPECT_EQ(latest[1].text, difficult_text);
}

TEST_P(session_store_test, a_conversation_is_copied_as_it_was_before_a_run) {
    write([this](transaction& tx) {
        tx.sessions().insert_if_new(sample_session("ses_1"));
        tx.sessions().insert_if_new(sample_session("ses_2"));
        for (int i = 1; i <= 3; ++i) {
            auto r = sample_run("run_" + std::to_string(i), i);
            r.state = core::run_state::succeeded;
            tx.runs().insert(r);
        }
        for (std::string const run : {"run_of_another_session", "run_1", "run_1", "run_2", "run_3"}) {
            auto m = message(difficult_text);
            m.run_id = run;
            tx.sessions().append_message(m);
        }
        tx.sessions().copy_messages_before(*tx.runs().find("run_2"), "ses_2");
    });
    auto const before = read([](snapshot& seen) { return seen.sessions().messages("ses_1", 0, 3); });
    auto const copy = read([](snapshot& seen) { return seen.sessions().messages("ses_2", 0, 100); });
    ASSERT_EQ(copy.size(), 3u);
    for (std::size_t i = 0; i < copy.size(); ++i) {
        auto expected = before[i];
        expected.session_id = "ses_2";
        EXPECT_TRUE(same_fields(copy[i], expected));
    }
    auto const of_run =
        read([](snapshot& seen) { return seen.sessions().messages_of_run(*seen.runs().find("run_1")); });
    ASSERT_EQ(of_run.size(), 2u);
    EXPECT_TRUE(same_fields(of_run[1], before[2]));
}

TEST_P(session_store_test, whoever_uses_a_session_changes_nothing_else_of_it) {
    auto expected = sample_session("ses_1");
    write([&](transaction& tx) {
        tx.sessions().insert_if_new(expected);
        tx.sessions().touch("ses_1", at(99));
    });
    expected.updated_at = at(99);
    EXPECT_TRUE(same_fields(read([](snapshot& seen) { return seen.sessions().find("ses_1"); }), expected));
}

TEST_P(session_store_test, a_removed_session_takes_everything_of_it_along_and_nothing_else) {
    write([this](transaction& tx) {
        for (std::string const n : {"1", "2"}) {
            tx.sessions().insert_if_new(sample_session("ses_" + n));
            auto r = sample_run("run_" + n, 1, "ses_" + n);
            r.state = core::run_state::succeeded;
            tx.runs().insert(r);
            tx.runs().append_tape("run_" + n, std::vector{sample_item(1)});
            tx.runs().insert_step(sample_step("run_" + n, 1));
            tx.runs().add_to_inbox("run_" + n, "input", "{}");
            auto a = sample_approval("app_" + n);
            a.run_id = "run_" + n;
            tx.approvals().insert(a);
            auto m = message("m");
            m.session_id = "ses_" + n;
            tx.sessions().append_message(m);
        }
    });
    write([](transaction& tx) { tx.sessions().remove("ses_1"); });
    for (char const* table :
         {"sessions", "runs", "tape_items", "steps", "run_inbox", "approvals", "messages"}) {
        EXPECT_EQ(store_->run_from_outside(std::string("SELECT count(*) FROM ") + table), "1") << table;
    }
    EXPECT_TRUE(read([](snapshot& seen) { return seen.sessions().find("ses_2"); }));
}

ON_BOTH_STORES(session_store_test);

} // namespace
} // namespace gatehouse::persistence
