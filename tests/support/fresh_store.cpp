#include "tests/support/fresh_store.hpp"

#include "persistence/migrate.hpp"
#include "tests/support/manual_clock.hpp"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace gatehouse::testing {
namespace {

std::string server_url() {
    char const* const url = std::getenv("GATEHOUSE_TEST_POSTGRES");
    return url ? url : "";
}

std::string with_database(std::string const& url, std::string const& name) {
    return url.substr(0, url.rfind('/') + 1) + name;
}

std::string run_on_postgres(std::string const& url, std::string const& text) {
    std::unique_ptr<PGconn, decltype(&PQfinish)> const connection(PQconnectdb(url.c_str()), &PQfinish);
    std::unique_ptr<PGresult, decltype(&PQclear)> const result(
        PQexec(connection.get(), text.c_str()), &PQclear
    );
    auto const status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        throw std::runtime_error(text + ": " + PQerrorMessage(connection.get()));
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

std::string run_on_sqlite(std::string const& path, std::string const& text) {
    sqlite3* opened = nullptr;
    sqlite3_open(path.c_str(), &opened);
    std::unique_ptr<sqlite3, decltype(&sqlite3_close)> const db(opened, &sqlite3_close);
    std::string first;
    auto const take = [](void* to, int, char** values, char**) {
        auto& out = *static_cast<std::string*>(to);
        if (out.empty() && values[0]) out = values[0];
        return 0;
    };
    if (sqlite3_exec(db.get(), text.c_str(), take, &first, nullptr) != SQLITE_OK) {
        throw std::runtime_error(text + ": " + sqlite3_errmsg(db.get()));
    }
    return first;
}

void migrate_once(std::string const& url) {
    manual_clock const time;
    auto const of = persistence::dialect::make(store_url::parse(url), time);
    persistence::sql session(*of);
    persistence::migrate(session);
}

// A migrated database where tests say what time it is; until one does, it is the server's.
void migrate_with_settable_time(std::string const& url) {
    migrate_once(url);
    run_on_postgres(url, R"(
        CREATE SEQUENCE test_time MINVALUE 0;
        ALTER FUNCTION now_ms() RENAME TO server_now_ms;
        CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql VOLATILE
            RETURN (SELECT CASE WHEN is_called THEN last_value ELSE server_now_ms() END FROM test_time))");
}

// The names of databases stay apart although several test programs may use one server.
std::string next_database() {
    static int count = 0;
    return "test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
}

// A migrated SQLite file as bytes.
std::string const& sqlite_image() {
    static std::string const image = [] {
        temporary_directory const folder;
        auto const path = folder.path() / "template.db";
        migrate_once("sqlite:" + path.string());
        run_on_sqlite(path, "PRAGMA wal_checkpoint(TRUNCATE)");
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    return image;
}

// A migrated database, dropped when the program ends. The schema `seed` keeps the rows that migrations made.
class shared_database {
  public:
    static shared_database& instance() {
        static shared_database one;
        return one;
    }
    shared_database(shared_database const&) = delete;
    shared_database& operator=(shared_database const&) = delete;

    std::string const& name() const { return name_; }

    // To make a database costs ten times as much as to empty one, so tests take turns with this one. False:
    // it is taken.
    bool take() {
        if (taken_) return false;
        taken_ = true;
        run_on_postgres(with_database(server_url(), name_), R"(
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid();
            SET session_replication_role = replica;
            SET client_min_messages = warning;
            DO $$ DECLARE t text; BEGIN
                FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                    IF to_regclass('seed.' || t) IS NULL THEN
                        EXECUTE format('DROP TABLE public.%I CASCADE', t);
                    ELSE
                        EXECUTE format('DELETE FROM public.%I', t);
                        EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE seed.%I', t, t);
                    END IF;
                END LOOP;
                FOR t IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
                    PERFORM setval('public.' || t, 1, false);
                END LOOP;
            END $$)");
        return true;
    }
    void give_back() { taken_ = false; }

  private:
    shared_database() : name_(next_database()) {
        run_on_postgres(server_url(), "CREATE DATABASE " + name_);
        auto const url = with_database(server_url(), name_);
        migrate_with_settable_time(url);
        run_on_postgres(url, R"(
            CREATE SCHEMA seed;
            DO $$ DECLARE t text; BEGIN
                FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                    EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', t, t);
                END LOOP;
            END $$)");
    }
    ~shared_database() { run_on_postgres(server_url(), "DROP DATABASE " + name_ + " WITH (FORCE)"); }

    std::string name_;
    bool taken_ = false;
};

} // namespace

fresh_store::fresh_store(store_url::backend kind, schema start) : kind_(kind) {
    if (kind == store_url::backend::sqlite) {
        auto const path = folder_.path() / "gatehouse.db";
        text_ = "sqlite:" + path.string();
        if (start == schema::migrated) std::ofstream(path, std::ios::binary) << sqlite_image();
        return;
    }
    if (start == schema::migrated && shared_database::instance().take()) {
        text_ = with_database(server_url(), shared_database::instance().name());
        return;
    }
    database_ = next_database();
    run_on_postgres(server_url(), "CREATE DATABASE " + database_);
    text_ = with_database(server_url(), database_);
    if (start == schema::migrated) migrate_with_settable_time(text_);
}

fresh_store::~fresh_store() {
    if (!database_.empty()) {
        run_on_postgres(server_url(), "DROP DATABASE " + database_ + " WITH (FORCE)");
    } else if (kind_ == store_url::backend::postgres) {
        shared_database::instance().give_back();
    }
}

bool fresh_store::is_available(store_url::backend kind) {
    return kind == store_url::backend::sqlite || !server_url().empty();
}

std::string fresh_store::run_from_outside(std::string const& text) const {
    return kind_ == store_url::backend::sqlite ? run_on_sqlite(url().path, text)
                                               : run_on_postgres(text_, text);
}

void fresh_store::set_server_time(timestamp now) const {
    if (kind_ == store_url::backend::postgres)
        run_on_postgres(text_, "SELECT setval('test_time', " + std::to_string(to_ms(now)) + ")");
}

} // namespace gatehouse::testing
