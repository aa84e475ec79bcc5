#pragma once
// One session with a database. The only code that talks to SOCI, and the answer to each of its traps
// (README.md).
#include "persistence/cell.hpp"
#include "persistence/dialect.hpp"
#include "persistence/sql_error.hpp"
#include "persistence/statement.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace gatehouse::persistence {

// Called before each statement, BEGIN and COMMIT included, with its text, and with "AFTER COMMIT" once a
// COMMIT has succeeded. What it throws is what that statement fails with. Tests only.
using statement_hook = std::function<void(std::string_view)>;

// A row of several columns is a tuple of them, a row of one column is its value.
template <class... Columns>
struct row_type {
    using type = std::tuple<Columns...>;
};
template <class Column>
struct row_type<Column> {
    using type = Column;
};
template <class... Columns>
using row_of = typename row_type<Columns...>::type;

// One thread at a time. Statements are prepared once per session and kept: to run one again is to assign its
// values. Every statement stands inside a transaction. After an exception of a statement the transaction must
// be rolled back (SQLite: at least to a savepoint).
class sql {
  public:
    // Opens the session. Throws unusable_store.
    explicit sql(dialect const& of, statement_hook hook = {});
    ~sql();
    sql(sql const&) = delete;
    sql& operator=(sql const&) = delete;

    // Runs a statement that returns no rows. Returns how many rows it changed.
    template <class... Args>
    std::int64_t exec(statement const& text, Args const&... args) {
        kept& one = find(text, kinds<Args...>, {});
        bind(one, args...);
        return run(one);
    }

    // The same, for a statement whose outcome nobody asks for. On Postgres those that follow each other
    // travel together, before the transaction's next statement or its COMMIT; what one fails with is thrown
    // there.
    template <class... Args>
    void exec_later(statement const& text, Args const&... args) {
        kept& one = find(text, kinds<Args...>, {});
        bind(one, args...);
        run_later(one);
    }

    // The first row, or nothing. With RETURNING, every row is changed all the same.
    template <class... Columns, class... Args>
    std::optional<row_of<Columns...>> row(statement const& text, Args const&... args) {
        std::optional<row_of<Columns...>> found;
        each<Columns...>(
            [&](Columns&&... values) {
                if (!found) found.emplace(std::forward<Columns>(values)...);
            },
            text, args...
        );
        return found;
    }

    template <class... Columns, class... Args>
    std::vector<row_of<Columns...>> rows(statement const& text, Args const&... args) {
        std::vector<row_of<Columns...>> found;
        each<Columns...>(
            [&](Columns&&... values) { found.emplace_back(std::forward<Columns>(values)...); }, text, args...
        );
        return found;
    }

    // Calls `take` with the columns of each row. It runs no statement of this session itself.
    template <class... Columns, class Take, class... Args>
    void each(Take take, statement const& text, Args const&... args) {
        kept& one = find(text, kinds<Args...>, kinds<Columns...>);
        bind(one, args...);
        bool more = first(one);
        try {
            for (; more; more = next(one)) {
                auto const cells = columns_of(one);
                [&]<std::size_t... I>(std::index_sequence<I...>) {
                    take(cell_type<Columns>::read(cells[I], of_)...);
                }(std::index_sequence_for<Columns...>());
            }
        } catch (...) {
            condemn(one);
            throw;
        }
    }

    // The statement for this database, where one text can't serve both.
    statement const& either(statement const& sqlite, statement const& postgres) const {
        return of_.is_postgres() ? postgres : sqlite;
    }

    // Statements without values, one after the other: migrations and settings.
    void script(std::string const& text);
    std::string quote(std::string const& value);

    // `first_words` and `last_words` are statements without values, each ended by a semicolon; on Postgres
    // they travel in the message of BEGIN and COMMIT.
    // begin() returns the value that the last of them returned, or nothing.
    std::string begin(access what_for, std::string const& first_words = {});
    void commit(std::string const& last_words = {});
    // Does nothing outside of a transaction. A lost connection is not an error here.
    void rollback() noexcept;
    // False outside of a transaction, after SQLite has rolled back by itself (disk full, I/O error), and on
    // Postgres after a statement failed.
    bool can_go_on() const;
    // Instead of begin(): one statement that reads is let through without a transaction around it. A second
    // one throws second_statement. rollback() ends it.
    void begin_single();
    struct second_statement : sql_error {
        second_statement() : sql_error("a second statement needs a snapshot") {}
    };
    // How many rows this session has written so far. SQLite only.
    std::int64_t changes() const;

    // Closes the session and opens a new one: statements, settings and transaction are gone. Throws
    // connection_lost.
    void reopen();
    // Ends the connection under a statement that is not answered: it fails with connection_lost. Any thread.
    void cut() noexcept;
    // Looks at the whole store for damage. Throws unusable_store.
    void examine();

    dialect const& of() const { return of_; }

  private:
    struct kept;
    struct session;

    void open();

    template <class... T>
    static constexpr std::array<cell_kind, sizeof...(T)> kinds{cell_type<std::decay_t<T const&>>::kind...};

    kept&
    find(statement const& text, std::span<cell_kind const> parameters, std::span<cell_kind const> columns);
    static std::span<cell> parameters_of(kept& one);
    static std::span<cell> columns_of(kept& one);
    std::int64_t run(kept& one);
    // At once where the server keeps no statement: on SQLite, and behind a pooler.
    void run_later(kept& one);
    void send_deferred();
    bool first(kept& one);
    bool next(kept& one);
    // Takes a statement out of use whose rows were not read to the end. It is freed when the transaction
    // ends.
    void condemn(kept& one) noexcept;

    template <class... Args>
    void bind(kept& one, Args const&... args) {
        [[maybe_unused]] auto const cells = parameters_of(one);
        [[maybe_unused]] std::size_t i = 0;
        (cell_type<std::decay_t<Args const&>>::write(cells[i++], args, of_), ...);
    }

    dialect const& of_;
    statement_hook hook_;
    std::unique_ptr<session> session_;
    std::vector<dialect::kept_call> deferred_;
    std::size_t deferred_bytes_ = 0;
    std::mutex descriptor_mutex_;
    int descriptor_ = -1;
};

// A transaction that is rolled back unless it was committed.
class sql_transaction {
  public:
    sql_transaction(sql& on, access what_for, std::string const& first_words = {}) : on_(on) {
        on_.begin(what_for, first_words);
    }
    ~sql_transaction() {
        if (!done_) on_.rollback();
    }
    sql_transaction(sql_transaction const&) = delete;
    sql_transaction& operator=(sql_transaction const&) = delete;

    void commit(std::string const& last_words = {}) {
        on_.commit(last_words);
        done_ = true;
    }

  private:
    sql& on_;
    bool done_ = false;
};

} // namespace gatehouse::persistence
