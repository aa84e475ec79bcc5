#include "core/sessions/resolve_session.hpp"

#include "core/events/make_event.hpp"

namespace gatehouse::core {

namespace {

result<session> find_requested(transaction& tx, session_request const& request) {
    if (!request.session_id) {
        auto found = tx.sessions().find_by_key(request.principal, *request.session_key);
        if (!found)
            return fail(errc::not_found, "There is no session with the key '" + *request.session_key + "'.");
        return *found;
    }
    auto found = find_session(tx, *request.session_id, request.principal, request.sees_all);
    if (found && request.session_key && found->session_key != *request.session_key) {
        return fail(
            errc::wrong_state, "session_id and session_key name different sessions: " + found->session_id +
                                   " has the key '" + found->session_key + "'."
        );
    }
    return found;
}

session make_session(transaction& tx, session_request const& request) {
    session s;
    s.session_id = tx.ids().make("ses");
    s.session_key = request.session_key.value_or(s.session_id);
    s.principal = request.principal;
    s.agent = request.agent.value_or("default");
    s.label = request.label;
    s.mode = request.mode.value_or(session_mode::queue);
    s.created_at = s.updated_at = tx.now();
    return s;
}

void take_over(transaction& tx, session& s, session_request const& request) {
    bool changed = (request.agent && *request.agent != s.agent) ||
                   (request.label && request.label != s.label) || (request.mode && *request.mode != s.mode);
    if (!changed) return;
    // As it is now: what somebody else changed meanwhile stays.
    if (!tx.sessions().lock(s.session_id)) return;
    s = *tx.sessions().find(s.session_id);
    if (request.agent) s.agent = *request.agent;
    if (request.label) s.label = request.label;
    if (request.mode) s.mode = *request.mode;
    s.updated_at = tx.now();
    tx.sessions().save(s);
    tx.publish(make_session_event(tx, s, "session.updated"));
}

} // namespace

result<session> find_session(
    snapshot const& view, std::string const& session_id, std::string const& principal, bool sees_all
) {
    auto found = view.sessions().find(session_id);
    if (!found || (found->principal != principal && !sees_all)) {
        return fail(errc::not_found, "There is no session '" + session_id + "'.");
    }
    return *found;
}

result<resolved_session> resolve_session(transaction& tx, session_request const& request) {
    if (request.agent && !tx.agents().find(*request.agent)) {
        return fail(errc::not_found, "There is no agent '" + *request.agent + "'.");
    }
    bool named = request.session_id || request.session_key;
    if (!named && !request.create)
        return fail_param("/create", "required", "Name a session_id or a session_key, or let one be made.");
    if (named) {
        auto found = find_requested(tx, request);
        if (found) {
            take_over(tx, *found, request);
            return resolved_session{*found};
        }
        if (request.session_id || !request.create) return std::unexpected(found.error());
    }
    auto made = make_session(tx, request);
    if (!tx.sessions().insert_if_new(made)) {
        // Another writer made the same key first: it is the session that was asked for.
        auto found = tx.sessions().find_by_key(request.principal, made.session_key);
        if (!found) return resolve_session(tx, request); // and deleted it again
        take_over(tx, *found, request);
        return resolved_session{std::move(*found)};
    }
    tx.publish(make_session_event(tx, made, "session.created"));
    return resolved_session{std::move(made), true};
}

} // namespace gatehouse::core
