#pragma once
// An empty store of a test's own, gone with the test: a SQLite file in a temporary folder, or a database on
// the server that with_postgres.py started.
#include "persistence/store_url.hpp"
#include "protocol/timestamp.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::testing {

using persistence::store_url;

class fresh_store {
  public:
    enum class schema { none, migrated };

    // A migrated one is a copy of a store that was migrated once in this process.
    explicit fresh_store(store_url::backend kind, schema start = schema::migrated);
    ~fresh_store();
    fresh_store(fresh_store const&) = delete;
    fresh_store& operator=(fresh_store const&) = delete;

    // As it would be written behind --store.
    std::string const& text() const { return text_; }
    store_url url() const { return store_url::parse(text_); }

    // False where the tests run without with_postgres.py.
    static bool is_available(store_url::backend kind);
    // Runs SQL from outside, past everything that the product checks. Returns the first value of the result.
    std::string run_from_outside(std::string const& text) const;
    // What now_ms() tells on PostgreSQL from here on. SQLite asks the clock that a session was opened with.
    void set_server_time(timestamp now) const;

  private:
    store_url::backend kind_;
    temporary_directory folder_;
    std::string database_;
    std::string text_;
};

// A suite that runs once on each database: `ON_BOTH_STORES(run_store_test);` behind the class.
class on_each_store : public ::testing::TestWithParam<store_url::backend> {
  protected:
    void SetUp() override {
        if (!fresh_store::is_available(GetParam())) {
            GTEST_SKIP() << "no PostgreSQL here: run through tests/support/with_postgres.py";
        }
    }
};

inline std::string store_name(::testing::TestParamInfo<store_url::backend> const& info) {
    return info.param == store_url::backend::sqlite ? "sqlite" : "postgres";
}

} // namespace gatehouse::testing

#define ON_BOTH_STORES(suite)                                                                                \
    INSTANTIATE_TEST_SUITE_P(                                                                                \
        stores, suite,                                                                                       \
        ::testing::Values(                                                                                   \
            gatehouse::persistence::store_url::backend::sqlite,                                              \
            gatehouse::persistence::store_url::backend::postgres                                             \
        ),                                                                                                   \
        gatehouse::testing::store_name                                                                       \
    )
