#pragma once
// What differs between SQLite and PostgreSQL below the level of a statement: opening, transaction control,
// errors. Nobody else asks which database it is; a store that needs two texts for one statement says
// `sql.either(…, …)`.
#include "core/ports/clock.hpp"
#include "persistence/sql_error.hpp"
#include "persistence/statement.hpp"
#include "persistence/store_url.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace soci {
class session;
namespace details {
class statement_backend;
} // namespace details
} // namespace soci

namespace gatehouse::persistence {

// What a transaction is for.
enum class access {
    read,   // one snapshot for all its statements
    write,  // SQLite: takes the write lock at once (BEGIN IMMEDIATE). Postgres: READ COMMITTED
    schema, // as write, and alone among all processes that change the schema
};

// One may serve any number of sessions on any threads.
class dialect {
  public:
    static std::unique_ptr<dialect> make(store_url url, core::clock const& time);
    virtual ~dialect() = default;

    store_url const& url() const { return url_; }
    bool is_postgres() const { return url_.kind == store_url::backend::postgres; }

    // Opens the session and sets it up. Throws unusable_store; for a store that was usable before that means
    // that the connection is lost. In both databases the function now_ms() then is the time that leases and
    // expiry go by: Postgres' own clock, and the clock port on SQLite.
    virtual void open(soci::session& session) const = 0;
    // Postgres: what to connect with. After avoid_server() another host of the URL comes first.
    std::string const& connection() const { return url_.connections[first_host_ % url_.connections.size()]; }
    void avoid_server() const { ++first_host_; }
    // The socket of an open session; -1: it has none.
    virtual int descriptor(soci::session& session) const = 0;
    // A look at the whole store for damage, once at the start. Throws unusable_store.
    virtual void examine(soci::session& session) const = 0;

    // Runs statements that take no values, one after the other.
    virtual void script(soci::session& session, std::string const& text) const = 0;
    // `first_words` is run with it, in the same message on Postgres; returns the value that their last
    // statement returned, or nothing.
    virtual std::string
    begin(soci::session& session, access what_for, std::string const& first_words) const = 0;
    // `last_words` is run before it, in the same message on Postgres. Throws where the transaction was not
    // committed or it is not known whether it was (connection_lost).
    virtual void commit(soci::session& session, std::string const& last_words) const = 0;
    // True from BEGIN until COMMIT or ROLLBACK, whoever sent them: SQLite rolls back by itself when a disk is
    // full.
    virtual bool in_transaction(soci::session& session) const = 0;
    // In a transaction that takes further statements.
    virtual bool can_go_on(soci::session& session) const = 0;

    // How many rows this session has written so far. SQLite only.
    virtual std::int64_t changes(soci::session& session) const = 0;
    // How many columns the statement that was just executed returns.
    virtual int column_count(soci::details::statement_backend& executed) const = 0;
    // A statement that the server keeps: its name, and the names of its values in their order, in which one
    // may stand twice.
    struct kept_statement {
        std::string const& name;
        std::vector<std::string> const& values;
    };
    // Nothing where the server keeps none.
    virtual std::optional<kept_statement> find_kept(soci::details::statement_backend& prepared) const;
    // One run of a kept statement; its values are as text, nothing is NULL.
    struct kept_call {
        std::string name;
        std::vector<std::optional<std::string>> values;
    };
    // Runs them one after the other in one round trip, up to the first that fails, and throws what that
    // failed with. Only where find_kept() finds something.
    virtual void call(soci::session& session, std::span<kept_call const> calls) const;
    // Inside a catch block: throws what the caught SOCI exception means. `doing` goes in front of the text.
    [[noreturn]] virtual void rethrow(soci::session& session, std::string const& doing) const = 0;

    // Text that may stand in a script as a value.
    virtual std::string quote(soci::session& session, std::string const& value) const = 0;
    // Bytes as they are bound and fetched: SQLite takes them as they are, Postgres as "\x…".
    virtual std::string to_bytes_text(std::string_view bytes) const = 0;
    virtual std::string from_bytes_text(std::string text) const = 0;

  protected:
    explicit dialect(store_url url) : url_(std::move(url)) {}

  private:
    store_url url_;
    mutable std::atomic<std::size_t> first_host_ = 0;
};

} // namespace gatehouse::persistence
