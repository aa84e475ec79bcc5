#include "persistence/advisory_locks.hpp"
#include "persistence/copy/raw_store.hpp"
#include "persistence/sql_error.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>

namespace gatehouse::persistence {

namespace {

using result_owner = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A value as COPY reads it.
void append_field(std::string& to, value_kind kind, raw_value const& value) {
    if (!value) {
        to += "\\N";
    } else if (kind == value_kind::bytes) {
        to += "\\\\x";
        for (unsigned char const c : *value) fmt::format_to(std::back_inserter(to), "{:02x}", c);
    } else {
        for (char const c : *value) {
            if (c == '\\') {
                to += "\\\\";
            } else if (c == '\n') {
                to += "\\n";
            } else if (c == '\r') {
                to += "\\r";
            } else if (c == '\t') {
                to += "\\t";
            } else {
                to += c;
            }
        }
    }
}

class postgres_raw_store final : public raw_store {
  public:
    explicit postgres_raw_store(store_url const& url)
        : connection_(PQconnectdb(url.connections.front().c_str()), &PQfinish) {
        PQsetNoticeReceiver(connection_.get(), [](void*, PGresult const*) {}, nullptr);
        if (PQstatus(connection_.get()) == CONNECTION_OK) return;
        std::string said = PQerrorMessage(connection_.get());
        said.resize(std::min(said.size(), said.find('\n')));
        throw unusable_store(
            unusable_store::reason::unreachable,
            fmt::format("{} can't be used ({}); start it, or correct the store's URL.", url.name, said)
        );
    }

    // COPY is one statement, and it alone may fill columns that the database numbers itself.
    void insert(raw_table const& table, std::vector<raw_row> const& rows) override {
        std::string lines;
        for (auto const& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                if (i > 0) lines += '\t';
                append_field(lines, table.columns[i].kind, row[i]);
            }
            lines += '\n';
        }
        auto const text =
            fmt::format("COPY {} ({}) FROM STDIN", quoted_name(table.name), joined(column_names(table)));
        check(result_owner(PQexec(connection_.get(), text.c_str()), &PQclear), PGRES_COPY_IN);
        bool const sent =
            PQputCopyData(connection_.get(), lines.data(), static_cast<int>(lines.size())) == 1 &&
            PQputCopyEnd(connection_.get(), nullptr) == 1;
        result_owner done(PQgetResult(connection_.get()), &PQclear);
        while (result_owner(PQgetResult(connection_.get()), &PQclear)) {
        }
        if (!sent) throw connection_lost("COPY: the connection is gone");
        check(done, PGRES_COMMAND_OK);
    }

    void run(std::string const& statements) override {
        result_owner done(PQexec(connection_.get(), statements.c_str()), &PQclear);
        auto const status = PQresultStatus(done.get());
        if (status != PGRES_TUPLES_OK) check(done, PGRES_COMMAND_OK);
    }

    bool be_the_only_copy() override {
        return value(fmt::format("SELECT pg_try_advisory_lock({})", copy_lock)) == "t";
    }

    std::string settle(std::vector<raw_table> const& tables) override {
        // A file of the server's log is named by the history that it belongs to.
        std::string statements =
            "UPDATE log_epochs SET timeline = CAST(CAST('x' || "
            "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS bit(32)) AS BIGINT);";
        for (auto const& each : query(numbered_columns, {}, {value_kind::text, value_kind::text})) {
            if (std::ranges::find(tables, *each[0], &raw_table::name) == tables.end()) continue;
            auto const table = quoted_name(*each[0]);
            auto const column = quoted_name(*each[1]);
            statements += fmt::format(
                "SELECT setval(pg_get_serial_sequence('{0}', '{1}'), coalesce(max({2}), 1), count(*) > 0) "
                "FROM {0};",
                table, *each[1], column
            );
        }
        return statements;
    }

  protected:
    catalog_queries catalog() const override {
        return {
            "SELECT c.relname, a.attname, t.typname, "
            "coalesce(array_position(CAST(i.indkey AS SMALLINT[]), a.attnum) + 1, 0) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND "
            "i.indisprimary "
            "WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(current_schema())",
            "SELECT f.relname, t.relname FROM pg_constraint r JOIN pg_class f ON f.oid = r.conrelid "
            "JOIN pg_class t ON t.oid = r.confrelid WHERE r.contype = 'f' "
            "AND f.relnamespace = to_regnamespace(current_schema())"
        };
    }

    std::string in_order(raw_column const& column) const override {
        return quoted_name(column.name) + (column.kind == value_kind::text ? " COLLATE \"C\"" : "");
    }

    std::vector<raw_row> query(
        std::string const& text, std::vector<parameter> const& given, std::vector<value_kind> const& kinds
    ) override {
        std::vector<char const*> values;
        for (auto const& each : given) values.push_back(each.value ? each.value->c_str() : nullptr);
        result_owner const found(
            PQexecParams(
                connection_.get(), text.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                nullptr, nullptr, 0
            ),
            &PQclear
        );
        check(found, PGRES_TUPLES_OK);
        std::vector<raw_row> rows(static_cast<std::size_t>(PQntuples(found.get())));
        for (std::size_t at = 0; at < rows.size(); ++at) {
            for (std::size_t i = 0; i < kinds.size(); ++i)
                rows[at].push_back(field(found.get(), static_cast<int>(at), static_cast<int>(i), kinds[i]));
        }
        return rows;
    }

  private:
    static constexpr char const* numbered_columns =
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE a.attidentity <> '' AND c.relnamespace = to_regnamespace(current_schema())";

    // Only what the server says itself: what it adds may hold values.
    void check(result_owner const& result, ExecStatusType wanted) const {
        if (PQresultStatus(result.get()) == wanted) return;
        if (PQstatus(connection_.get()) != CONNECTION_OK || !result)
            throw connection_lost("PostgreSQL: the connection is gone");
        char const* const said = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
        throw sql_error(fmt::format("PostgreSQL: {}", said ? said : "an answer that was not expected"));
    }

    static raw_value field(PGresult const* from, int row, int at, value_kind kind) {
        if (PQgetisnull(from, row, at)) return std::nullopt;
        if (kind != value_kind::bytes)
            return std::string(
                PQgetvalue(from, row, at), static_cast<std::size_t>(PQgetlength(from, row, at))
            );
        std::size_t size = 0;
        std::unique_ptr<unsigned char, decltype(&PQfreemem)> const bytes(
            PQunescapeBytea(reinterpret_cast<unsigned char const*>(PQgetvalue(from, row, at)), &size),
            &PQfreemem
        );
        return std::string(reinterpret_cast<char const*>(bytes.get()), size);
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

} // namespace

std::unique_ptr<raw_store> open_raw_postgres(store_url const& url) {
    if (url.pooled) {
        throw unusable_store(
            unusable_store::reason::bad_url,
            fmt::format("A copy needs the server itself: name it instead of the pooler at {}.", url.name)
        );
    }
    return std::make_unique<postgres_raw_store>(url);
}

} // namespace gatehouse::persistence
