// The disk's own pace: one bare SQLite writer that commits one row at a time (WAL, synchronous=FULL) into a
// new file of directory DIRECTORY for MILLISECONDS. Prints {"rate":…,"p50_us":…,"p99_us":…}.
#include "tests/bench/arguments.hpp"
#include "tests/bench/peer.hpp"

#include <sqlite3.h>

#include <cstdio>

namespace gatehouse::bench {
namespace {

class bare_writer {
  public:
    explicit bare_writer(std::string const& path) {
        check(sqlite3_open(path.c_str(), &database_));
        run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, name "
            "TEXT, body TEXT);"
            "CREATE INDEX t_by_name ON t(name);");
        check(sqlite3_prepare_v2(database_, "INSERT INTO t(name, body) VALUES(?, ?)", -1, &insert_, nullptr));
        sqlite3_bind_text(insert_, 2, body_.data(), static_cast<int>(body_.size()), SQLITE_STATIC);
    }
    bare_writer(bare_writer const&) = delete;
    bare_writer& operator=(bare_writer const&) = delete;
    ~bare_writer() {
        sqlite3_finalize(insert_);
        sqlite3_close(database_);
    }

    void commit_one(int number) {
        auto const name = std::to_string(number);
        sqlite3_bind_text(insert_, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
        if (sqlite3_step(insert_) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database_));
        sqlite3_reset(insert_);
    }

  private:
    void check(int code) {
        if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
    }
    void run(char const* sql) { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }

    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    std::string const body_ = std::string(220, 'x');
};

} // namespace
} // namespace gatehouse::bench

int main(int argc, char** argv) {
    using namespace gatehouse::bench;
    try {
        arguments const given(argc, argv);
        bare_writer writer(given.text("directory") + "/bare.db");
        latencies taken;
        auto const start = clock::now();
        auto const end = start + std::chrono::milliseconds(given.number("milliseconds", 2000));
        int count = 0;
        while (clock::now() < end) {
            auto const before = clock::now();
            writer.commit_one(++count);
            taken.add(microseconds_between(before, clock::now()));
        }
        double const seconds = microseconds_between(start, clock::now()) / 1e6;
        std::printf(
            "{\"rate\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n", count / seconds, taken.at(0.5),
            taken.at(0.99)
        );
        return 0;
    } catch (std::exception const& failure) {
        std::fprintf(stderr, "commit: %s\n", failure.what());
        return 1;
    }
}
