#include "persistence/stores/sql_session_store.hpp"

#include "persistence/record.hpp"
#include "protocol/json_codec.hpp"

#include <algorithm>

#define SESSION_COLUMNS "session_id, session_key, principal, agent, label, mode, created_at, updated_at"
#define MESSAGE_COLUMNS "session_id, ordinal, run_id, role, text, extra, created_at"

namespace gatehouse::persistence {
namespace {

using core::message;
using core::session;

using session_record = record<
    session, &session::session_id, free_column<&session::session_key>, &session::principal, &session::agent,
    free_column<&session::label>, &session::mode, &session::created_at, &session::updated_at>;

using message_record = record<
    message, &message::session_id, &message::ordinal, &message::run_id, &message::role,
    free_column<&message::text>, &message::extra, &message::created_at>;

} // namespace

std::optional<session> sql_session_store::find(std::string const& session_id) const {
    return session_record::find(
        sql_, "SELECT " SESSION_COLUMNS " FROM sessions WHERE session_id = :session_id", session_id
    );
}

std::optional<session>
sql_session_store::find_by_key(std::string const& principal, std::string const& session_key) const {
    return session_record::find(
        sql_,
        "SELECT " SESSION_COLUMNS
        " FROM sessions WHERE principal = :principal AND session_key = :session_key",
        principal, free_text{session_key}
    );
}

std::vector<session> sql_session_store::list(core::session_filter const& filter) const {
    return session_record::list(
        sql_,
        "SELECT " SESSION_COLUMNS
        " FROM sessions WHERE (CAST(:principal AS TEXT) IS NULL OR principal = :principal) "
        "AND (CAST(:after AS TEXT) IS NULL OR (updated_at, session_id) < "
        "(SELECT s.updated_at, s.session_id FROM sessions s WHERE s.session_id = :after)) "
        "ORDER BY updated_at DESC, session_id DESC LIMIT :limit",
        filter.principal, filter.after, filter.limit
    );
}

bool sql_session_store::insert_if_new(session const& s) {
    static constexpr statement text =
        "INSERT INTO sessions (" SESSION_COLUMNS
        ") VALUES (:session_id, :session_key, :principal, :agent, :label, :mode, :created_at, :updated_at) "
        "ON CONFLICT (principal, session_key) DO NOTHING";
    if (s.session_key != s.session_id) return session_record::exec(sql_, text, s) == 1;
    // Nobody else has made a session with this id for its key.
    session_record::exec_later(sql_, text, s);
    return true;
}

bool sql_session_store::lock(std::string const& session_id) {
    return sql_
        .row<std::string>(
            sql_.either(
                "SELECT session_id FROM sessions WHERE session_id = :session_id",
                // Not against the key locks of who adds messages or runs: a claim, which has runs already.
                "SELECT session_id FROM sessions WHERE session_id = :session_id FOR NO KEY UPDATE"
            ),
            session_id
        )
        .has_value();
}

void sql_session_store::save(session const& s) {
    using changed = record<
        session, &session::agent, free_column<&session::label>, &session::mode, &session::updated_at,
        &session::session_id>;
    changed::exec_later(
        sql_,
        "UPDATE sessions SET agent = :agent, label = :label, mode = :mode, updated_at = :updated_at "
        "WHERE session_id = :session_id",
        s
    );
}

void sql_session_store::touch(std::string const& session_id, timestamp when) {
    sql_.exec_later(
        "UPDATE sessions SET updated_at = :updated_at WHERE session_id = :session_id", when, session_id
    );
}

#define OF_RUNS(table)                                                                                       \
    sql_.either(                                                                                             \
        "DELETE FROM " table " WHERE run_id IN (SELECT value FROM json_each(:runs))",                        \
        "DELETE FROM " table                                                                                 \
        " WHERE run_id IN (SELECT value FROM json_array_elements_text(CAST(:runs AS JSON)))"                 \
    )
void sql_session_store::remove(std::string const& session_id) {
    // Runs first: a tape can be removed only after its run.
    auto const runs = sql_.rows<std::string>(
        "DELETE FROM runs WHERE session_id = :session_id RETURNING run_id", session_id
    );
    sql_.exec(OF_RUNS("tape_items"), runs);
    sql_.exec(OF_RUNS("steps"), runs);
    sql_.exec(OF_RUNS("run_inbox"), runs);
    sql_.exec(OF_RUNS("approvals"), runs);
    sql_.exec(OF_RUNS("invocations"), runs);
    sql_.exec("DELETE FROM grants WHERE session_id = :session_id", session_id);
    sql_.exec("DELETE FROM messages WHERE session_id = :session_id", session_id);
    sql_.exec("DELETE FROM sessions WHERE session_id = :session_id", session_id);
}

void sql_session_store::append_message(message m) {
    // The session's row is locked by whoever appends, so nobody takes the same ordinal.
    sql_.exec_later(
        "INSERT INTO messages (session_id, ordinal, run_id, role, text, extra, created_at) VALUES "
        "(:session_id, "
        "(SELECT coalesce(max(ordinal), 0) + 1 FROM messages WHERE session_id = :session_id), :run_id, "
        ":role, :text, "
        ":extra, :created_at)",
        m.session_id, m.run_id, m.role, free_text{std::move(m.text)}, m.extra, m.created_at
    );
}

void sql_session_store::copy_messages_before(core::run const& r, std::string const& to_session_id) {
    // Messages that a session was made with belong to runs of another one, so this asks for what is not the
    // run's and not that of a later one.
    sql_.exec(
        "INSERT INTO messages (" MESSAGE_COLUMNS ") "
        "SELECT CAST(:to AS TEXT), ordinal, run_id, role, text, extra, created_at FROM messages "
        "WHERE session_id = :from AND run_id NOT IN "
        "(SELECT run_id FROM runs WHERE session_id = :from AND ordinal >= :ordinal)",
        to_session_id, r.session_id, r.ordinal
    );
}

std::vector<message> sql_session_store::messages_of_run(core::run const& r) const {
    return message_record::list(
        sql_,
        "SELECT " MESSAGE_COLUMNS
        " FROM messages WHERE session_id = :session_id AND run_id = :run_id ORDER BY ordinal",
        r.session_id, r.run_id
    );
}

std::vector<message>
sql_session_store::latest_messages(std::string const& session_id, std::int64_t limit) const {
    auto newest_first = message_record::list(
        sql_,
        "SELECT " MESSAGE_COLUMNS
        " FROM messages WHERE session_id = :session_id ORDER BY ordinal DESC LIMIT :limit",
        session_id, limit
    );
    std::ranges::reverse(newest_first);
    return newest_first;
}

std::vector<message> sql_session_store::messages(
    std::string const& session_id, std::int64_t after_ordinal, std::int64_t limit
) const {
    return message_record::list(
        sql_,
        "SELECT " MESSAGE_COLUMNS " FROM messages WHERE session_id = :session_id AND ordinal > :after "
        "ORDER BY ordinal LIMIT :limit",
        session_id, after_ordinal, limit
    );
}

} // namespace gatehouse::persistence
