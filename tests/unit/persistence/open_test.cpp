// Stores that can't be used: each gets one sentence, and nothing in it is changed.
#include "persistence/migrate.hpp"
#include "tests/support/fresh_store.hpp"
#include "tests/support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <functional>

namespace gatehouse::persistence {
namespace {

using reason = unusable_store::reason;

class open_test : public ::testing::Test {
  protected:
    std::filesystem::path path() const { return folder_.path() / "a store.db"; }
    std::string url() const { return "sqlite:" + path().string(); }

    std::int64_t
    open(std::string const& url, std::span<migration const> known = embedded_migrations()) const {
        auto const of = dialect::make(store_url::parse(url), time_);
        sql session(*of);
        return migrate(session, known);
    }

    void expect_refusal(std::string const& url, reason why, std::string const& part) const {
        try {
            open(url);
            ADD_FAILURE() << url << " was opened";
        } catch (unusable_store const& e) {
            EXPECT_EQ(e.why, why) << e.what();
            EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
        }
    }

    void write_file(std::string const& content) const { std::ofstream(path(), std::ios::binary) << content; }
    std::string read_file() const {
        std::ifstream file(path(), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    testing::temporary_directory folder_;
    testing::manual_clock time_;
};

TEST_F(open_test, a_new_file_is_made_for_its_user_alone) {
    EXPECT_EQ(open(url()), static_cast<std::int64_t>(embedded_migrations().size()));
    struct stat status{};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(open_test, urls_that_name_no_store_are_refused) {
    for (char const* bad :
         {"", "gatehouse.db", "mysql://x", "sqlite:", "sqlite:a\"b", "postgresql://h/x?nonsense=1"}) {
        EXPECT_THROW(store_url::parse(bad), unusable_store) << bad;
    }
}

TEST_F(open_test, a_refused_url_does_not_show_its_password) {
    for (char const* bad : {"postgresql://me:secret@h/x?nonsense=1", "mysql://me:secret@h"}) {
        try {
            store_url::parse(bad);
            ADD_FAILURE() << bad;
        } catch (unusable_store const& e) {
            EXPECT_EQ(std::string(e.what()).find("secret"), std::string::npos) << e.what();
        }
    }
}

TEST(store_url, each_host_comes_first_once) {
    auto const url = store_url::parse("postgresql://u@h1:1,h2:2,h3:3/db");
    ASSERT_EQ(url.connections.size(), 3u);
    EXPECT_NE(url.connections[0].find("host='h1,h2,h3' "), std::string::npos);
    EXPECT_NE(url.connections[1].find("host='h2,h3,h1' "), std::string::npos);
    EXPECT_NE(url.connections[1].find("port='2,3,1' "), std::string::npos);
    EXPECT_NE(url.connections[2].find("host='h3,h1,h2' "), std::string::npos);
    EXPECT_EQ(store_url::parse("postgresql:///db").connections.size(), 1u);
}

TEST(store_url, a_pooler_in_the_url_is_ours_and_not_the_drivers) {
    auto const plain = store_url::parse("postgresql://u@h/db?sslmode=disable");
    EXPECT_FALSE(plain.pooled);
    EXPECT_NE(plain.connections.front().find("lock_timeout"), std::string::npos);
    for (std::string const query :
         {"pooler=transaction", "sslmode=disable&pooler=transaction", "pooler=transaction&sslmode=disable"}) {
        auto const url = store_url::parse("postgresql://u@h/db?" + query);
        EXPECT_TRUE(url.pooled) << query;
        EXPECT_EQ(url.connections.front().find("lock_timeout"), std::string::npos) << query;
        EXPECT_EQ(
            url.connections.front().find("sslmode='disable'") != std::string::npos,
            query.find("sslmode") != std::string::npos
        );
    }
    EXPECT_THROW(store_url::parse("postgresql://u@h/db?pooler=session"), unusable_store);
}

TEST_F(open_test, an_unreachable_server_is_named_without_the_password) {
    try {
        open("postgresql://me:secret@127.0.0.1:1/orders");
        ADD_FAILURE();
    } catch (unusable_store const& e) {
        std::string const said = e.what();
        EXPECT_EQ(e.why, reason::unreachable);
        EXPECT_EQ(said.find("secret"), std::string::npos) << said;
        EXPECT_NE(said.find("127.0.0.1:1, database orders"), std::string::npos) << said;
        EXPECT_NE(said.find("Connection refused"), std::string::npos) << said;
        EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    }
}

TEST_F(open_test, files_that_are_no_store_are_left_as_they_are) {
    struct refused {
        char const* what;
        std::string content;
        reason why;
    };
    refused const table[] = {
        {"text", "hello, this is my diary, please keep it", reason::not_a_store},
        {"a few bytes", "x", reason::not_a_store},
        {"a header and nothing else", std::string("SQLite format 3\0", 16) + "rest", reason::damaged},
        {"zeros", std::string(8192, '\0'), reason::not_a_store},
    };
    for (auto const& each : table) {
        write_file(each.content);
        expect_refusal(url(), each.why, path().string());
        EXPECT_EQ(read_file(), each.content) << each.what;
    }
}

TEST_F(open_test, a_path_that_can_not_be_a_file_is_unreadable) {
    expect_refusal("sqlite:" + folder_.path().string(), reason::unreadable, "directory");
    expect_refusal(
        "sqlite:" + (folder_.path() / "none" / "x.db").string(), reason::unreadable, "No such file"
    );
}

TEST_F(open_test, a_database_of_another_program_is_left_as_it_is) {
    testing::fresh_store const other(store_url::backend::sqlite, testing::fresh_store::schema::none);
    other.run_from_outside("CREATE TABLE songs (name TEXT)");
    expect_refusal(other.text(), reason::not_a_store, "another program");
    EXPECT_EQ(other.run_from_outside("SELECT count(*) FROM sqlite_schema"), "1");
    EXPECT_EQ(other.run_from_outside("PRAGMA journal_mode"), "delete");
}

TEST_F(open_test, a_damaged_store_is_refused) {
    testing::fresh_store const store(store_url::backend::sqlite);
    auto const file = store.url().path;
    auto const size = std::filesystem::file_size(file);
    {
        std::fstream damaged(file, std::ios::binary | std::ios::in | std::ios::out);
        damaged.seekp(8192);
        for (std::uintmax_t i = 8192; i + 4096 < size; ++i) damaged.put('\x5a');
    }
    expect_refusal(store.text(), reason::damaged, "backup");
    std::filesystem::resize_file(file, size / 2 + 100);
    expect_refusal(store.text(), reason::damaged, "backup");
}

TEST_F(open_test, opening_again_changes_nothing) {
    open(url());
    EXPECT_NO_THROW(open(url()));
}

TEST_F(open_test, a_store_with_a_newer_schema_is_refused) {
    testing::fresh_store const store(store_url::backend::sqlite);
    store.run_from_outside("INSERT INTO schema_migrations VALUES (999, 'future', 'x', 1)");
    expect_refusal(store.text(), reason::newer_schema, "newer program");
}

TEST_F(open_test, an_edited_migration_is_refused) {
    testing::fresh_store const store(store_url::backend::sqlite);
    store.run_from_outside("UPDATE schema_migrations SET checksum = 'x'");
    expect_refusal(store.text(), reason::edited_migration, "0001_first");
}

TEST_F(open_test, a_migration_that_fails_leaves_the_step_before) {
    migration const steps[] = {
        {1, "one", {"PRAGMA application_id = 1196705841; CREATE TABLE a (x BIGINT)", "1"}, {}},
        {2, "two", {"CREATE TABLE b (x BIGINT); CREATE TABLE a (x BIGINT)", "2"}, {}},
    };
    EXPECT_THROW(open(url(), steps), sql_error);
    auto const of = dialect::make(store_url::parse(url()), time_);
    sql session(*of);
    auto const found = status(session, steps);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].applied_at, time_.now());
    EXPECT_EQ(found[1].applied_at, std::nullopt);
    sql_transaction const seen(session, access::read);
    EXPECT_EQ(session.row<std::int64_t>("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST_F(open_test, status_of_an_empty_file_changes_nothing_in_it) {
    auto const of = dialect::make(store_url::parse(url()), time_);
    sql session(*of);
    for (auto const& each : status(session)) EXPECT_EQ(each.applied_at, std::nullopt);
    sql_transaction const seen(session, access::read);
    EXPECT_EQ(session.row<std::int64_t>("SELECT count(*) FROM sqlite_schema"), 0);
}

} // namespace
} // namespace gatehouse::persistence
