#include "persistence/copy/raw_store.hpp"
#include "persistence/sql_error.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace gatehouse::persistence {

namespace {

class sqlite_raw_store final : public raw_store {
  public:
    explicit sqlite_raw_store(store_url const& url) {
        sqlite3* opened = nullptr;
        int const code = sqlite3_open_v2(url.path.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
        db_.reset(opened);
        if (code != SQLITE_OK) {
            throw unusable_store(
                unusable_store::reason::unreadable,
                fmt::format("The store {} can't be opened ({}).", url.name, sqlite3_errstr(code))
            );
        }
        sqlite3_busy_timeout(opened, 5000);
        execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
    }

    void insert(raw_table const& table, std::vector<raw_row> const& rows) override {
        std::vector<std::string> marks(table.columns.size(), "?");
        auto const prepared = prepare(fmt::format(
            "INSERT INTO {} ({}) VALUES ({})", quoted_name(table.name), joined(column_names(table)),
            joined(marks)
        ));
        in_transaction([&] {
            for (auto const& row : rows) {
                for (std::size_t i = 0; i < row.size(); ++i)
                    bind(prepared.get(), static_cast<int>(i) + 1, table.columns[i].kind, row[i]);
                check(sqlite3_step(prepared.get()));
                check(sqlite3_reset(prepared.get()));
            }
        });
    }

    void run(std::string const& statements) override {
        in_transaction([&] { execute(statements); });
    }

    // It numbers on from the largest one by itself, and has one history.
    std::string settle(std::vector<raw_table> const&) override {
        return "UPDATE log_epochs SET timeline = 1;";
    }

  protected:
    catalog_queries catalog() const override {
        return {
            "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c "
            "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'",
            "SELECT t.name, r.\"table\" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) r "
            "WHERE t.type = 'table'"
        };
    }

    std::string in_order(raw_column const& column) const override { return quoted_name(column.name); }

    std::vector<raw_row> query(
        std::string const& text, std::vector<parameter> const& given, std::vector<value_kind> const& kinds
    ) override {
        auto const prepared = prepare(text);
        for (std::size_t i = 0; i < given.size(); ++i)
            bind(prepared.get(), static_cast<int>(i) + 1, given[i].kind, given[i].value);
        std::vector<raw_row> rows;
        while (true) {
            int const code = sqlite3_step(prepared.get());
            if (code == SQLITE_DONE) return rows;
            check(code);
            auto& row = rows.emplace_back();
            for (std::size_t i = 0; i < kinds.size(); ++i)
                row.push_back(column(prepared.get(), static_cast<int>(i), kinds[i]));
        }
    }

  private:
    struct closer {
        void operator()(sqlite3* db) const { sqlite3_close(db); }
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using statement_owner = std::unique_ptr<sqlite3_stmt, closer>;

    void check(int code) const {
        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
        throw sql_error(fmt::format("SQLite: {}", sqlite3_errmsg(db_.get())));
    }

    void execute(std::string const& statements) const {
        check(sqlite3_exec(db_.get(), statements.c_str(), nullptr, nullptr, nullptr));
    }

    template <class Work>
    void in_transaction(Work work) const {
        execute("BEGIN IMMEDIATE");
        try {
            work();
            execute("COMMIT");
        } catch (...) {
            sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
            throw;
        }
    }

    statement_owner prepare(std::string const& text) const {
        sqlite3_stmt* made = nullptr;
        int const code = sqlite3_prepare_v2(db_.get(), text.c_str(), -1, &made, nullptr);
        statement_owner owner(made);
        check(code);
        return owner;
    }

    void bind(sqlite3_stmt* to, int at, value_kind kind, raw_value const& value) const {
        if (!value) return check(sqlite3_bind_null(to, at));
        auto const size = static_cast<sqlite3_uint64>(value->size());
        switch (kind) {
        case value_kind::integer:
            return check(sqlite3_bind_int64(to, at, std::stoll(*value)));
        case value_kind::real:
            return check(sqlite3_bind_double(to, at, std::stod(*value)));
        case value_kind::text:
            return check(sqlite3_bind_text64(to, at, value->data(), size, SQLITE_STATIC, SQLITE_UTF8));
        case value_kind::bytes:
            // A null pointer would bind NULL.
            return check(sqlite3_bind_blob64(to, at, size ? value->data() : "", size, SQLITE_STATIC));
        }
    }

    static raw_value column(sqlite3_stmt* from, int at, value_kind kind) {
        if (sqlite3_column_type(from, at) == SQLITE_NULL) return std::nullopt;
        // The shortest text that reads as the same number.
        if (kind == value_kind::real) return fmt::format("{}", sqlite3_column_double(from, at));
        auto const* bytes = kind == value_kind::bytes
                                ? static_cast<char const*>(sqlite3_column_blob(from, at))
                                : reinterpret_cast<char const*>(sqlite3_column_text(from, at));
        auto const size = static_cast<std::size_t>(sqlite3_column_bytes(from, at));
        return bytes ? std::string(bytes, size) : std::string();
    }

    std::unique_ptr<sqlite3, closer> db_;
};

} // namespace

std::unique_ptr<raw_store> open_raw_sqlite(store_url const& url) {
    return std::make_unique<sqlite_raw_store>(url);
}

} // namespace gatehouse::persistence
