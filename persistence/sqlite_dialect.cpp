#include "persistence/sqlite_dialect.hpp"

#include "core/storage/database.hpp"
#include "persistence/sqlite_wal_writer.hpp"

// The sqlite3_ names live in namespace sqlite_api, into which this header includes <sqlite3.h>.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

namespace gatehouse::persistence {
namespace {

using sqlite_api::sqlite3;
using reason = unusable_store::reason;

// The bytes "GTH1", written by the first migration: tells this program's files from those of others.
constexpr std::string_view application_id = "1196705841";

// A file up to this size is checked as a whole at the start, which takes some ten milliseconds.
constexpr off_t examined_bytes_max = 8 << 20;

sqlite3* handle(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

bool is_memory(store_url const& url) { return url.path == ":memory:"; }

[[noreturn]] void throw_for(int code, std::string const& text) {
    int const primary = code & 0xff;
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
        code == SQLITE_CONSTRAINT_ROWID) {
        throw unique_violation(text);
    }
    if (primary == SQLITE_CONSTRAINT) throw constraint_violation(text);
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) throw serialization_retry(text);
    if (primary == SQLITE_FULL) throw core::store_unavailable("The store's disk is full: make room on it.");
    if (primary == SQLITE_IOERR) throw connection_lost(text);
    throw sql_error(text);
}

// The file before SQLite sees it: a sentence for what it would call "unable to open" or "not a database".
void check_file(store_url const& url) {
    int const file = ::open(url.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        throw unusable_store(
            reason::unreadable,
            fmt::format(
                "The store {} can't be opened ({}); name a file that this user may read and write.", url.name,
                std::generic_category().message(errno)
            )
        );
    }
    std::array<char, 16> head{};
    struct stat status{};
    ssize_t const got = ::fstat(file, &status) == 0 ? ::pread(file, head.data(), head.size(), 0) : -1;
    ::close(file);
    static constexpr char magic[] = "SQLite format 3";
    bool const is_empty = got == 0 && status.st_size == 0;
    if (!is_empty && (got != sizeof magic || std::memcmp(head.data(), magic, sizeof magic) != 0)) {
        throw unusable_store(
            reason::not_a_store,
            fmt::format(
                "The file {} is not a SQLite database and was left as it is; name another file, "
                "or move this one away.",
                url.name
            )
        );
    }
}

[[noreturn]] void throw_unusable(store_url const& url, int code, char const* what) {
    int const primary = code & 0xff;
    if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT) {
        throw unusable_store(
            reason::damaged, fmt::format(
                                 "The store {} is damaged ({}) and was left as it is; restore it from a "
                                 "backup, or move it away.",
                                 url.name, what
                             )
        );
    }
    throw unusable_store(
        reason::unreadable, fmt::format(
                                "The store {} can't be opened ({}); see that this user may read and write "
                                "the file and its folder.",
                                url.name, what
                            )
    );
}

// now_ms() in SQL. The clock outlives every session.
void now_ms(sqlite_api::sqlite3_context* context, int, sqlite_api::sqlite3_value**) {
    auto const* time = static_cast<core::clock const*>(sqlite_api::sqlite3_user_data(context));
    sqlite_api::sqlite3_result_int64(context, to_ms(time->now()));
}

class sqlite_dialect final : public dialect {
  public:
    sqlite_dialect(store_url url, core::clock const& time) : dialect(std::move(url)), time_(time) {}

    void open(soci::session& session) const override {
        // Once, before any connection: to close a file that others of this process have open drops their
        // locks.
        if (!is_memory(url())) std::call_once(checked_, [this] { check_file(url()); });
        write_wal_in_one_piece();
        try {
            session.open(soci::sqlite3, "dbname=\"" + url().path + "\"");
        } catch (soci::soci_error const& e) {
            throw_unusable(url(), SQLITE_CANTOPEN, e.get_error_message().c_str());
        }
        auto* const db = handle(session);
        sqlite_api::sqlite3_extended_result_codes(db, 1);
        // Other processes write only in `gatehouse db migrate`, and backups hold a lock for moments.
        sqlite_api::sqlite3_busy_timeout(db, 5000);
        sqlite_api::sqlite3_create_function_v2(
            db, "now_ms", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, const_cast<core::clock*>(&time_), &now_ms,
            nullptr, nullptr, nullptr
        );
        refuse_foreign(db);
        // Each session costs its page cache: 1 MiB, so that an idle process stays small. No mmap: a file that
        // is cut off below it would end the process by SIGBUS.
        run(db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
            "PRAGMA recursive_triggers = ON; PRAGMA cache_size = -1024; PRAGMA journal_size_limit = 67108864;"
            "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF");
        if (!is_memory(url()) && first_value(db, "PRAGMA journal_mode") != "wal") {
            throw_unusable(url(), SQLITE_IOERR, "its file system can't share memory, which WAL needs");
        }
    }

    void examine(soci::session& session) const override {
        auto* const db = handle(session);
        struct stat status{};
        if (is_memory(url()) || ::stat(url().path.c_str(), &status) != 0 ||
            status.st_size > examined_bytes_max)
            return;
        auto const found = first_value(db, "PRAGMA quick_check(1)");
        if (found != "ok") throw_unusable(url(), SQLITE_CORRUPT, found.c_str());
    }

    int descriptor(soci::session&) const override { return -1; }

    void script(soci::session& session, std::string const& text) const override {
        char* complaint = nullptr;
        int const code =
            sqlite_api::sqlite3_exec(handle(session), text.c_str(), nullptr, nullptr, &complaint);
        std::string const said = complaint ? complaint : "";
        sqlite_api::sqlite3_free(complaint);
        if (code != SQLITE_OK) throw_for(sqlite_api::sqlite3_extended_errcode(handle(session)), said);
    }

    std::string
    begin(soci::session& session, access what_for, std::string const& first_words) const override {
        script(session, what_for == access::read ? "BEGIN" : "BEGIN IMMEDIATE");
        if (!first_words.empty()) script(session, first_words);
        return {};
    }

    void commit(soci::session& session, std::string const& last_words) const override {
        if (!last_words.empty()) script(session, last_words);
        script(session, "COMMIT");
    }

    bool in_transaction(soci::session& session) const override {
        return sqlite_api::sqlite3_get_autocommit(handle(session)) == 0;
    }

    std::int64_t changes(soci::session& session) const override {
        return sqlite_api::sqlite3_total_changes(handle(session));
    }

    int column_count(soci::details::statement_backend& executed) const override {
        return sqlite_api::sqlite3_column_count(static_cast<soci::sqlite3_statement_backend&>(executed).stmt_
        );
    }

    bool can_go_on(soci::session& session) const override { return in_transaction(session); }

    [[noreturn]] void rethrow(soci::session& session, std::string const& doing) const override {
        try {
            throw;
        } catch (soci::sqlite3_soci_error const& e) {
            // SOCI keeps the code of the call, which is the extended one.
            throw_for(e.result(), doing + ": " + e.get_error_message());
        } catch (soci::soci_error const& e) {
            throw_for(
                sqlite_api::sqlite3_extended_errcode(handle(session)), doing + ": " + e.get_error_message()
            );
        }
    }

    std::string quote(soci::session&, std::string const& value) const override {
        std::string out = "'";
        for (char c : value) out.append(c == '\'' ? 2 : 1, c);
        return out += '\'';
    }

    std::string to_bytes_text(std::string_view bytes) const override { return std::string(bytes); }
    std::string from_bytes_text(std::string text) const override { return text; }

  private:
    // A file of another program has tables and not our number. Said before anything is changed in it.
    void refuse_foreign(sqlite3* db) const {
        if (first_value(db, "SELECT count(*) FROM sqlite_schema") == "0") return;
        if (first_value(db, "PRAGMA application_id") == application_id) return;
        throw unusable_store(
            reason::not_a_store,
            fmt::format(
                "The file {} is a database of another program and was left as it is; name another file.",
                url().name
            )
        );
    }

    void run(sqlite3* db, char const* text) const {
        int const code = sqlite_api::sqlite3_exec(db, text, nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) throw_unusable(url(), code, sqlite_api::sqlite3_errmsg(db));
    }

    std::string first_value(sqlite3* db, char const* text) const {
        std::string out;
        auto const take = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) = values[0] ? values[0] : "";
            return 0;
        };
        int const code = sqlite_api::sqlite3_exec(db, text, take, &out, nullptr);
        if (code != SQLITE_OK) throw_unusable(url(), code, sqlite_api::sqlite3_errmsg(db));
        return out;
    }

    core::clock const& time_;
    mutable std::once_flag checked_;
};

} // namespace

std::unique_ptr<dialect> make_sqlite_dialect(store_url url, core::clock const& time) {
    return std::make_unique<sqlite_dialect>(std::move(url), time);
}

} // namespace gatehouse::persistence
