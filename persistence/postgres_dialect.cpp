#include "persistence/postgres_dialect.hpp"

#include "core/storage/database.hpp"
#include "persistence/advisory_locks.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <fmt/format.h>

#include <string_view>

namespace gatehouse::persistence {
namespace {

using reason = unusable_store::reason;

// What other sessions are opened with (store_url), where a pooler lets nothing outlive a transaction.
constexpr char const* bounds_of_a_transaction =
    "SET LOCAL idle_in_transaction_session_timeout = 2000; SET LOCAL lock_timeout = 1000;";

using result_owner = std::unique_ptr<PGresult, decltype(&PQclear)>;

PGconn* handle(soci::session& session) {
    return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}

std::string_view first_line(std::string_view text) {
    text = text.substr(0, text.find('\n'));
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

[[noreturn]] void throw_for(PGconn* connection, std::string_view state, std::string const& text) {
    // 08: connection; 57P: the server is going down or ended this session; 25P03: it was idle in a
    // transaction for too long; 40003: the outcome of a statement is not known; none at all: libpq itself
    // found the connection dead.
    if (PQstatus(connection) != CONNECTION_OK || state.empty() || state.starts_with(' ') ||
        state.starts_with("08") || state.starts_with("57P") || state == "25P03" || state == "40003") {
        throw connection_lost(text);
    }
    // 0A000 on a kept statement: a migration of another process changed what it returns; prepared anew, it
    // works.
    if (state == "40001" || state == "40P01" || state == "55P03" || state == "0A000")
        throw serialization_retry(text);
    // Out of disk, memory or connections.
    if (state.starts_with("53")) throw core::store_unavailable(text);
    if (state == "23505") throw unique_violation(text);
    if (state.starts_with("23") || state == "P0001") throw constraint_violation(text);
    throw sql_error(text);
}

class postgres_dialect final : public dialect {
  public:
    explicit postgres_dialect(store_url of)
        : dialect(std::move(of)), bounds_(url().pooled ? bounds_of_a_transaction : "") {}

    void open(soci::session& session) const override {
        try {
            session.open(soci::postgresql, connection());
        } catch (soci::soci_error const& e) {
            std::string said = e.get_error_message();
            // libpq repeats "connection to server at …, port … failed: "; the name says that already.
            if (auto const at = said.find("failed: "); at != std::string::npos) said = said.substr(at + 8);
            if (said.starts_with("Cannot establish connection to the database.\n")) said = said.substr(45);
            throw unusable_store(
                reason::unreachable, fmt::format(
                                         "{} can't be used ({}); start it, or correct the store's URL.",
                                         url().name, first_line(said)
                                     )
            );
        }
        auto* const connection = handle(session);
        // Warnings go nowhere but in commit().
        PQsetNoticeReceiver(connection, [](void*, PGresult const*) {}, nullptr);
        if (PQserverVersion(connection) < 150000) {
            throw unusable_store(
                reason::not_a_store, fmt::format("{} is older than PostgreSQL 15; upgrade it.", url().name)
            );
        }
        char const* const encoding = PQparameterStatus(connection, "server_encoding");
        if (!encoding || std::string_view(encoding) != "UTF8") {
            throw unusable_store(
                reason::not_a_store,
                fmt::format(
                    "{} is not encoded in UTF8; create the database with ENCODING 'UTF8'.", url().name
                )
            );
        }
    }

    int descriptor(soci::session& session) const override { return PQsocket(handle(session)); }

    // The server checks its own pages.
    void examine(soci::session&) const override {}

    void script(soci::session& session, std::string const& text) const override { run(session, text); }

    std::string
    begin(soci::session& session, access what_for, std::string const& first_words) const override {
        result_owner done(nullptr, &PQclear);
        switch (what_for) {
        case access::read:
            done = run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + bounds_ + first_words);
            break;
        case access::write:
            done = run(session, "BEGIN;" + bounds_ + first_words);
            break;
        case access::schema:
            done =
                run(session, fmt::format(
                                 "BEGIN;{} SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({});{}",
                                 bounds_, schema_lock, first_words
                             ));
            break;
        }
        return PQntuples(done.get()) > 0 ? PQgetvalue(done.get(), 0, 0) : "";
    }

    void commit(soci::session& session, std::string const& last_words) const override {
        auto* const connection = handle(session);
        // COMMIT of a transaction in which a statement failed returns normally, and nothing was stored.
        if (auto const status = PQtransactionStatus(connection); status != PQTRANS_INTRANS) {
            if (status == PQTRANS_UNKNOWN) throw connection_lost("COMMIT: the connection is gone");
            throw sql_error("COMMIT of a transaction in which a statement failed");
        }
        // The server says with a warning (class 01, or 57 where it ends the session) that it stopped waiting
        // for its standby: the commit stands here, but perhaps not there, so it counts as an answer that was
        // lost.
        bool unsure = false;
        auto const notice = [](void* to, PGresult const* said) {
            char const* const state = PQresultErrorField(said, PG_DIAG_SQLSTATE);
            auto const kind = std::string_view(state ? state : "").substr(0, 2);
            if (kind == "01" || kind == "57") *static_cast<bool*>(to) = true;
        };
        auto const before = PQsetNoticeReceiver(connection, notice, &unsure);
        result_owner done(nullptr, &PQclear);
        try {
            done = run(session, last_words + "COMMIT");
        } catch (...) {
            PQsetNoticeReceiver(connection, before, nullptr);
            throw;
        }
        PQsetNoticeReceiver(connection, before, nullptr);
        if (unsure) throw connection_lost("COMMIT: the standby did not confirm");
        if (std::string_view(PQcmdStatus(done.get())) != "COMMIT") throw sql_error("COMMIT rolled back");
    }

    bool in_transaction(soci::session& session) const override {
        auto const status = PQtransactionStatus(handle(session));
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
    }

    bool can_go_on(soci::session& session) const override {
        return PQtransactionStatus(handle(session)) == PQTRANS_INTRANS;
    }

    std::int64_t changes(soci::session&) const override {
        throw std::logic_error("PostgreSQL does not count what a session writes");
    }

    int column_count(soci::details::statement_backend& executed) const override {
        return PQnfields(static_cast<soci::postgresql_statement_backend&>(executed).result_.get_result());
    }

    std::optional<kept_statement> find_kept(soci::details::statement_backend& prepared) const override {
        auto& mine = static_cast<soci::postgresql_statement_backend&>(prepared);
        if (mine.statementName_.empty()) return std::nullopt;
        return kept_statement{mine.statementName_, mine.names_};
    }

    void call(soci::session& session, std::span<kept_call const> calls) const override {
        auto* const connection = handle(session);
        if (PQenterPipelineMode(connection) == 0) throw_for(connection, "", "the session is busy");
        std::vector<char const*> values;
        for (auto const& each : calls) {
            values.clear();
            for (auto const& value : each.values) values.push_back(value ? value->c_str() : nullptr);
            auto const count = static_cast<int>(values.size());
            if (!PQsendQueryPrepared(
                    connection, each.name.c_str(), count, values.data(), nullptr, nullptr, 0
                ))
                throw connection_lost(std::string(first_line(PQerrorMessage(connection))));
        }
        if (!PQpipelineSync(connection))
            throw connection_lost(std::string(first_line(PQerrorMessage(connection))));
        // What comes behind a failure is not run; the answers are read to the end all the same: each call's
        // ends with a null pointer, and behind them all stands the one of the synchronisation.
        std::optional<std::pair<std::string, std::string>> failure; // state, text
        bool complete = false;
        for (std::size_t ended = 0; ended <= calls.size() && !complete;) {
            result_owner const result(PQgetResult(connection), &PQclear);
            auto const status = PQresultStatus(result.get());
            complete = result && status == PGRES_PIPELINE_SYNC;
            if (!result) ++ended;
            if (!result || status != PGRES_FATAL_ERROR || failure) continue;
            char const* const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
            failure.emplace(state ? state : "", first_line(PQresultErrorMessage(result.get())));
        }
        complete = complete && PQexitPipelineMode(connection) != 0;
        if (failure) throw_for(connection, failure->first, failure->second);
        if (!complete) throw connection_lost("the connection is gone");
    }

    [[noreturn]] void rethrow(soci::session& session, std::string const& doing) const override {
        try {
            throw;
        } catch (soci::postgresql_soci_error const& e) {
            throw_for(
                handle(session), e.sqlstate(), fmt::format("{}: {}", doing, first_line(e.get_error_message()))
            );
        } catch (soci::soci_error const& e) {
            if (PQstatus(handle(session)) != CONNECTION_OK)
                throw connection_lost(doing + ": the connection is gone");
            throw sql_error(fmt::format("{}: {}", doing, first_line(e.get_error_message())));
        }
    }

    std::string quote(soci::session& session, std::string const& value) const override {
        std::unique_ptr<char, decltype(&PQfreemem)> const text(
            PQescapeLiteral(handle(session), value.data(), value.size()), &PQfreemem
        );
        if (!text)
            throw sql_error(
                fmt::format("a text that PostgreSQL refuses: {}", first_line(PQerrorMessage(handle(session))))
            );
        return text.get();
    }

    std::string to_bytes_text(std::string_view bytes) const override {
        static constexpr char digits[] = "0123456789abcdef";
        std::string out = "\\x";
        out.reserve(2 + bytes.size() * 2);
        for (unsigned char const c : bytes) {
            out += digits[c >> 4];
            out += digits[c & 15];
        }
        return out;
    }

    std::string from_bytes_text(std::string text) const override {
        auto const digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
        std::size_t size = 0;
        for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
            text[size++] = static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
        }
        text.resize(size);
        return text;
    }

  private:
    // Runs all statements of the text as one message and returns the last one's result, or throws for the
    // first error.
    result_owner run(soci::session& session, std::string const& text) const {
        auto* const connection = handle(session);
        result_owner result(PQexec(connection, text.c_str()), &PQclear);
        auto const status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            char const* const state = result ? PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) : nullptr;
            throw_for(connection, state ? state : "", std::string(first_line(PQerrorMessage(connection))));
        }
        return result;
    }

    std::string const bounds_;
};

} // namespace

std::unique_ptr<dialect> make_postgres_dialect(store_url url) {
    return std::make_unique<postgres_dialect>(std::move(url));
}

} // namespace gatehouse::persistence
