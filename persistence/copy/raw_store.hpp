#pragma once
// A store as tables of rows, whatever they mean, straight on the driver: names and types come from the
// database's own catalog, and every value goes through as it is.
#include "persistence/store_url.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::persistence {

enum class value_kind : std::uint8_t { integer, real, text, bytes };

struct raw_column {
    std::string name;
    value_kind kind = value_kind::text;
    std::int64_t key_position = 0; // in the primary key, from 1; 0: not part of it
    bool operator==(raw_column const&) const = default;
};

struct raw_table {
    std::string name;
    std::vector<raw_column> columns; // by name
    bool operator==(raw_table const&) const = default;
};

using raw_value = std::optional<std::string>; // numbers as decimal text, bytes as they are
using raw_row = std::vector<raw_value>;

// One session of its own. One thread. Throws sql_error, and connection_lost where the database is gone.
class raw_store {
  public:
    // Throws unusable_store.
    static std::unique_ptr<raw_store> open(store_url const& url);
    virtual ~raw_store() = default;

    // Those that are referenced stand before those that reference them.
    std::vector<raw_table> tables();
    std::int64_t count(raw_table const& table);
    // The first rows behind the one whose key stands in `last`, in the order of the key; of all where there
    // is none. A row of all columns.
    std::vector<raw_row> read(raw_table const& table, std::optional<raw_row> const& last, std::int64_t limit);
    // The last row in the order of the key.
    std::optional<raw_row> last_row(raw_table const& table);
    // The first value of the first row.
    raw_value value(std::string const& query, std::vector<raw_value> const& parameters = {});

    // Inserts all rows or none.
    virtual void insert(raw_table const& table, std::vector<raw_row> const& rows) = 0;
    // Statements without values, all of them or none.
    virtual void run(std::string const& statements) = 0;
    // False: another process has done this and is alive. It holds until this session ends. Where a file is
    // the store, its lock is the caller's business.
    virtual bool be_the_only_copy() { return true; }
    // Statements after which numbers that the database gives continue behind those that were copied, and
    // cursors name this server's history.
    virtual std::string settle(std::vector<raw_table> const& tables) = 0;

  protected:
    struct catalog_queries {
        std::string columns;    // table, column, type, position in the primary key or 0; in any order
        std::string references; // table, referenced table
    };
    virtual catalog_queries catalog() const = 0;
    // How the column is written where rows are put in order: by bytes.
    virtual std::string in_order(raw_column const& column) const = 0;
    struct parameter {
        value_kind kind;
        raw_value value;
    };
    // Parameters are written $1, $2 in the order of their first use. `kinds` are those of the result's
    // columns.
    virtual std::vector<raw_row> query(
        std::string const& text, std::vector<parameter> const& given, std::vector<value_kind> const& kinds
    ) = 0;
};

std::string quoted_name(std::string_view name);
std::string joined(std::vector<std::string> const& parts, std::string_view between = ", ");
std::vector<std::string> column_names(raw_table const& table);

std::unique_ptr<raw_store> open_raw_sqlite(store_url const& url);
std::unique_ptr<raw_store> open_raw_postgres(store_url const& url);

} // namespace gatehouse::persistence
