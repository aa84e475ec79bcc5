#include "app/node/call_journal.hpp"

#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app::node {
namespace {

timestamp const now = from_ms(1767225600000);
constexpr auto hour = std::chrono::hours(1);

class call_journal_test : public ::testing::Test {
  protected:
    call_journal& open(timestamp at = now, journal_limits limits = {}) {
        journal.reset();
        return journal.emplace(folder / "journal", at, limits);
    }
    testing::temporary_directory folder;
    std::optional<call_journal> journal;
};

TEST_F(call_journal_test, a_call_is_unknown_then_started_then_answered_and_stays_so_over_restarts) {
    auto* kept = &open();
    for (bool const durable : {true, false}) {
        std::string const key = durable ? "a,\"answer\":\\" : "b";
        EXPECT_EQ(kept->find(key), std::nullopt);
        kept->start(key, "hash", now, durable);
        kept = &open();
        ASSERT_TRUE(kept->find(key));
        EXPECT_EQ(kept->find(key)->request_hash, "hash");
        EXPECT_EQ(kept->find(key)->answer, std::nullopt);
        kept->finish(key, R"({"result":{"x":[1,2]}})", now + hour, durable);
        EXPECT_EQ(kept->find(key)->answer, R"({"result":{"x":[1,2]}})");
        kept = &open();
        EXPECT_EQ(kept->find(key)->answer, R"({"result":{"x":[1,2]}})");
        kept = &open();
        EXPECT_EQ(kept->find(key)->answer, R"({"result":{"x":[1,2]}})");
    }
}

TEST_F(call_journal_test, a_smaller_epoch_than_one_seen_is_refused_after_a_restart_too) {
    EXPECT_TRUE(open().admit_epoch("run_1", 3, now));
    EXPECT_TRUE(journal->admit_epoch("run_1", 3, now));
    EXPECT_TRUE(journal->admit_epoch("run_1", 4, now));
    EXPECT_TRUE(journal->admit_epoch("run_2", 1, now));
    EXPECT_FALSE(open().admit_epoch("run_1", 3, now));
    EXPECT_TRUE(journal->admit_epoch("run_1", 4, now));
    EXPECT_TRUE(journal->admit_epoch("run_3", 0, now));
}

TEST_F(call_journal_test, a_line_that_a_crash_cut_off_is_dropped) {
    open().start("a", "hash", now, true);
    journal.reset();
    auto const whole = folder.read("journal");
    for (std::size_t cut = 1; cut < whole.size(); cut += 13) {
        folder.write("journal", whole + whole.substr(0, cut));
        EXPECT_TRUE(open().find("a")) << cut;
        journal->start("b", "hash", now, true);
        EXPECT_TRUE(open().find("b")) << cut;
        journal.reset();
        folder.write("journal", whole);
    }
}

TEST_F(call_journal_test, other_damage_is_refused_with_the_line) {
    for (std::string const damage :
         {"junk\n", "{\"started\":1}\n", "{\"finished\":\"x\",\"at\":1,\"answer\":1}\n", "\n", "[]\n"}) {
        folder.write("journal", "{\"started\":\"a\",\"request\":\"h\",\"at\":1767225600000}\n" + damage);
        try {
            open();
            FAIL() << damage;
        } catch (std::runtime_error const& failure) {
            EXPECT_NE(std::string(failure.what()).find("line 2"), std::string::npos) << failure.what();
        }
    }
}

TEST_F(call_journal_test, what_is_older_than_the_retention_is_forgotten_at_the_next_start) {
    open().start("old", "hash", now, true);
    journal->start("new", "hash", now + 47 * hour, true);
    open(now + 49 * hour);
    EXPECT_FALSE(journal->find("old"));
    EXPECT_TRUE(journal->find("new"));
}

TEST_F(call_journal_test, the_file_stays_within_its_bounds_and_keeps_the_newest) {
    journal_limits limits;
    limits.file_bytes_max = 100'000;
    limits.calls_max = 50;
    open(now, limits);
    std::string const answer = "{\"result\":\"" + std::string(1000, 'x') + "\"}";
    std::uintmax_t largest = 0;
    for (int i = 0; i < 1000; ++i) {
        auto const at = now + std::chrono::milliseconds(i);
        journal->start(std::to_string(i), "hash", at, false);
        journal->finish(std::to_string(i), answer, at, false);
        largest = std::max(largest, std::filesystem::file_size(folder / "journal"));
    }
    EXPECT_LT(largest, 200'000U);
    EXPECT_TRUE(journal->find("999")->answer);
    EXPECT_TRUE(journal->find("970")->answer);
    EXPECT_FALSE(journal->find("0"));
}

TEST_F(call_journal_test, a_call_that_is_under_way_is_not_forgotten_for_the_answers_of_others) {
    journal_limits limits;
    limits.file_bytes_max = 10'000;
    limits.calls_max = 5;
    open(now, limits).start("long", "hash", now, true);
    std::string const answer = "{\"result\":\"" + std::string(1000, 'x') + "\"}";
    for (int i = 0; i < 100; ++i) {
        auto const at = now + std::chrono::milliseconds(i + 1);
        journal->start(std::to_string(i), "hash", at, false);
        journal->finish(std::to_string(i), answer, at, false);
    }
    ASSERT_TRUE(open(now, limits).find("long")) << "a node that was killed must not do it again";
    EXPECT_FALSE(journal->find("0"));
    journal->finish("long", answer, now + std::chrono::seconds(1), true);
    EXPECT_TRUE(open(now, limits).find("long")->answer);
}

TEST_F(call_journal_test, only_its_owner_can_read_the_file) {
    open();
    EXPECT_EQ(std::filesystem::status(folder / "journal").permissions(), std::filesystem::perms(0600));
}

TEST_F(call_journal_test, a_directory_that_is_missing_is_named) {
    EXPECT_THROW(call_journal("/no/such/folder/journal", now), std::runtime_error);
}

} // namespace
} // namespace gatehouse::app::node
