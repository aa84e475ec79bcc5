#include "persistence/sql.hpp"

#include "core/execution/fail_point.hpp"

#include <soci/soci.h>

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <stdexcept>
#include <unordered_map>

namespace gatehouse::persistence {

// A value that was large once must not keep its memory in a statement that is kept for the life of the
// session.
constexpr std::size_t kept_text_bytes_max = 16 * 1024;

// A transaction that writes much sends it in pieces.
constexpr std::size_t deferred_bytes_max = 256 * 1024;

struct sql::kept {
    kept(soci::session& on, statement const& s) : text(s), prepared(on) {}

    statement text;
    std::vector<cell> parameters;
    std::vector<cell> columns;
    std::vector<soci::indicator> parameter_nulls;
    std::vector<soci::indicator> column_nulls;
    soci::statement prepared;
    bool column_count_checked = false;
};

struct sql::session {
    soci::session connection;
    // By the literal's address; rarely, one literal is used with different types.
    std::unordered_map<char const*, std::list<kept>> statements;
    std::list<kept> condemned;
    bool is_open = false; // else there is no connection to ask anything of
    bool in_transaction = false;
    bool is_single = false; // one statement without a transaction
    bool single_is_used = false;
};

namespace {

std::string shortened(char const* text) {
    static constexpr std::size_t length_max = 60;
    std::string out(text);
    if (out.size() > length_max) out = out.substr(0, length_max) + "…";
    return out;
}

bool has_kinds(std::span<cell const> cells, std::span<cell_kind const> kinds) {
    return std::ranges::equal(cells, kinds, {}, &cell::kind);
}

std::vector<cell> make_cells(std::span<cell_kind const> kinds) {
    std::vector<cell> cells(kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) cells[i].kind = kinds[i];
    return cells;
}

// Frees the text of large values after a statement ran.
void trim(std::span<cell> cells) {
    for (cell& each : cells) {
        if (each.text.capacity() > kept_text_bytes_max) std::string().swap(each.text);
    }
}

std::optional<std::string> to_text(cell const& value) {
    if (value.is_null) return std::nullopt;
    switch (value.kind) {
    case cell_kind::integer:
        return std::to_string(value.integer);
    case cell_kind::real:
        return fmt::format("{}", value.real);
    case cell_kind::text:
        return value.text;
    }
    return std::nullopt;
}

void exchange_parameter(soci::statement& prepared, cell& c, soci::indicator& null, std::string const& name) {
    switch (c.kind) {
    case cell_kind::integer:
        prepared.exchange(soci::use(c.integer, null, name));
        break;
    case cell_kind::real:
        prepared.exchange(soci::use(c.real, null, name));
        break;
    case cell_kind::text:
        prepared.exchange(soci::use(c.text, null, name));
        break;
    }
}

void exchange_column(soci::statement& prepared, cell& c, soci::indicator& null) {
    switch (c.kind) {
    case cell_kind::integer:
        prepared.exchange(soci::into(c.integer, null));
        break;
    case cell_kind::real:
        prepared.exchange(soci::into(c.real, null));
        break;
    case cell_kind::text:
        prepared.exchange(soci::into(c.text, null));
        break;
    }
}

} // namespace

sql::sql(dialect const& of, statement_hook hook)
    : of_(of), hook_(std::move(hook)), session_(std::make_unique<session>()) {
    open();
}

sql::~sql() = default;

void sql::open() {
    of_.open(session_->connection);
    session_->is_open = true;
    std::lock_guard const lock(descriptor_mutex_);
    descriptor_ = of_.descriptor(session_->connection);
}

void sql::reopen() {
    // Nothing that is done with the old connection waits for its server.
    cut();
    // A SOCI statement that outlives its connection crashes when it is used and when it is freed.
    session_->statements.clear();
    session_->condemned.clear();
    {
        std::lock_guard const lock(descriptor_mutex_);
        descriptor_ = -1;
    }
    session_ = std::make_unique<session>();
    try {
        open();
    } catch (unusable_store const& e) {
        throw connection_lost(e.what());
    }
}

void sql::cut() noexcept {
    std::lock_guard const lock(descriptor_mutex_);
    if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

void sql::examine() { of_.examine(session_->connection); }

sql::kept&
sql::find(statement const& text, std::span<cell_kind const> parameters, std::span<cell_kind const> columns) {
    if (hook_) hook_(text.text());
    if (!session_->in_transaction) {
        throw std::logic_error(fmt::format("a statement outside of a transaction: {}", shortened(text.text()))
        );
    }
    if (session_->is_single && std::exchange(session_->single_is_used, true)) throw second_statement();
    auto& same_text = session_->statements[text.text()];
    for (kept& each : same_text) {
        if (has_kinds(each.parameters, parameters) && has_kinds(each.columns, columns)) return each;
    }
    if (parameters.size() != text.parameter_count()) {
        throw std::logic_error(fmt::format(
            "{} values for {} parameters: {}", parameters.size(), text.parameter_count(),
            shortened(text.text())
        ));
    }
    kept& made = same_text.emplace_back(session_->connection, text);
    try {
        made.parameters = make_cells(parameters);
        made.columns = make_cells(columns);
        made.parameter_nulls.assign(parameters.size(), soci::i_ok);
        made.column_nulls.assign(columns.size(), soci::i_ok);
        auto const names = text.parameters();
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            exchange_parameter(
                made.prepared, made.parameters[i], made.parameter_nulls[i], std::string(names[i])
            );
        }
        for (std::size_t i = 0; i < columns.size(); ++i) {
            exchange_column(made.prepared, made.columns[i], made.column_nulls[i]);
        }
        made.prepared.alloc();
        made.prepared.prepare(
            text.text(),
            of_.url().pooled ? soci::details::st_one_time_query : soci::details::st_repeatable_query
        );
        made.prepared.define_and_bind();
    } catch (...) {
        condemn(made);
        of_.rethrow(session_->connection, shortened(text.text()));
    }
    return made;
}

std::span<cell> sql::parameters_of(kept& one) { return one.parameters; }
std::span<cell> sql::columns_of(kept& one) { return one.columns; }

bool sql::first(kept& one) {
    for (std::size_t i = 0; i < one.parameters.size(); ++i) {
        one.parameter_nulls[i] = one.parameters[i].is_null ? soci::i_null : soci::i_ok;
    }
    send_deferred();
    try {
        bool const found = one.prepared.execute(true);
        if (!one.column_count_checked) {
            // The driver would leave rows that nobody asked for unread, and with them a lock.
            auto const count = of_.column_count(*one.prepared.get_backend());
            if (count != static_cast<int>(one.columns.size())) {
                throw std::logic_error(fmt::format(
                    "{} columns are read of {}: {}", one.columns.size(), count, shortened(one.text.text())
                ));
            }
            one.column_count_checked = true;
        }
        trim(one.parameters);
        if (found) {
            for (std::size_t i = 0; i < one.columns.size(); ++i) {
                one.columns[i].is_null = one.column_nulls[i] == soci::i_null;
            }
        }
        return found;
    } catch (std::logic_error const&) {
        condemn(one);
        throw;
    } catch (...) {
        std::string const doing = shortened(one.text.text());
        condemn(one);
        of_.rethrow(session_->connection, doing);
    }
}

bool sql::next(kept& one) {
    try {
        if (!one.prepared.fetch()) {
            trim(one.columns);
            return false;
        }
    } catch (...) {
        of_.rethrow(session_->connection, shortened(one.text.text()));
    }
    for (std::size_t i = 0; i < one.columns.size(); ++i) {
        one.columns[i].is_null = one.column_nulls[i] == soci::i_null;
    }
    return true;
}

std::int64_t sql::run(kept& one) {
    first(one);
    return one.prepared.get_affected_rows();
}

void sql::run_later(kept& one) {
    auto const server_has = of_.find_kept(*one.prepared.get_backend());
    if (!server_has) {
        run(one);
        return;
    }
    auto& call = deferred_.emplace_back(server_has->name);
    auto const names = one.text.parameters();
    for (auto const& each : server_has->values) {
        auto const at = std::ranges::find(names, each) - names.begin();
        call.values.push_back(to_text(one.parameters[static_cast<std::size_t>(at)]));
        if (call.values.back()) deferred_bytes_ += call.values.back()->size();
    }
    trim(one.parameters);
    if (deferred_bytes_ > deferred_bytes_max) send_deferred();
}

void sql::send_deferred() {
    deferred_bytes_ = 0;
    if (!deferred_.empty()) of_.call(session_->connection, std::exchange(deferred_, {}));
}

void sql::condemn(kept& one) noexcept {
    auto& same_text = session_->statements[one.text.text()];
    for (auto each = same_text.begin(); each != same_text.end(); ++each) {
        if (&*each != &one) continue;
        if (of_.is_postgres()) {
            // Freeing it sends DEALLOCATE, which a failed transaction would refuse.
            session_->condemned.splice(session_->condemned.end(), same_text, each);
        } else {
            // As long as it is not reset it holds its snapshot, and no savepoint can be rolled back past it.
            same_text.erase(each);
        }
        return;
    }
}

void sql::script(std::string const& text) {
    if (hook_) hook_(text);
    send_deferred();
    of_.script(session_->connection, text);
}

std::string sql::quote(std::string const& value) {
    detail::refuse_nul(value);
    return of_.quote(session_->connection, value);
}

std::string sql::begin(access what_for, std::string const& first_words) {
    if (!session_->is_open) throw connection_lost("the store could not be opened again");
    if (session_->in_transaction) throw std::logic_error("a transaction inside of a transaction");
    if (hook_) hook_("BEGIN");
    session_->in_transaction = true;
    try {
        auto told = of_.begin(session_->connection, what_for, first_words);
        GATEHOUSE_FAIL_POINT("store.begun");
        return told;
    } catch (...) {
        rollback();
        throw;
    }
}

void sql::begin_single() {
    if (!session_->is_open) throw connection_lost("the store could not be opened again");
    if (session_->in_transaction) throw std::logic_error("a transaction inside of a transaction");
    session_->in_transaction = true;
    session_->is_single = true;
    session_->single_is_used = false;
}

void sql::commit(std::string const& last_words) {
    if (hook_) hook_("COMMIT");
    GATEHOUSE_FAIL_POINT("store.before_commit");
    send_deferred();
    of_.commit(session_->connection, last_words);
    session_->in_transaction = false;
    session_->condemned.clear();
    GATEHOUSE_FAIL_POINT("store.committed");
    if (hook_) hook_("AFTER COMMIT");
}

void sql::rollback() noexcept {
    deferred_.clear();
    try {
        if (session_->is_open && of_.in_transaction(session_->connection))
            of_.script(session_->connection, "ROLLBACK");
    } catch (std::exception const&) {
        // The connection is gone, and the transaction with it. Whoever comes next finds that out and reopens.
    }
    session_->in_transaction = false;
    session_->is_single = false;
    session_->condemned.clear();
}

std::int64_t sql::changes() const { return of_.changes(session_->connection); }

bool sql::can_go_on() const { return session_->in_transaction && of_.can_go_on(session_->connection); }

} // namespace gatehouse::persistence
