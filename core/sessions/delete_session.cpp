#include "core/sessions/delete_session.hpp"

#include "core/events/make_event.hpp"
#include "core/sessions/resolve_session.hpp"

namespace gatehouse::core {

result<void> delete_session(transaction& tx, std::string const& session_id, actor const& who) {
    auto doomed = find_session(tx, session_id, who.principal, who.sees_all);
    if (!doomed) return std::unexpected(doomed.error());
    tx.sessions().lock(session_id);
    if (auto head = tx.runs().head_of_session(session_id)) {
        return fail(
            errc::wrong_state, "The session's run '" + head->run_id + "' is " +
                                   std::string(to_string(head->state)) + ": cancel it first."
        );
    }
    // Nobody waits for work in the background: it goes too, and who works on it hears of that.
    run_filter at_work;
    at_work.session_id = session_id;
    at_work.state = run_state::running;
    at_work.purpose.reset();
    for (auto const& r : tx.runs().list(at_work)) tx.signals().inboxes.push_back(r.run_id);
    tx.sessions().remove(session_id);
    tx.publish(make_session_event(tx, *doomed, "session.deleted"));
    return {};
}

} // namespace gatehouse::core
