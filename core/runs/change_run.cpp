#include "core/runs/change_run.hpp"

#include "core/runs/end_run.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace {

result<run> lock_unfinished(transaction& tx, std::string const& run_id, actor const& who) {
    auto seen = find_run(tx, run_id, who);
    if (!seen) return seen;
    tx.sessions().lock(seen->session_id);
    auto locked = tx.runs().lock(run_id);
    if (!locked) return fail(errc::not_found, "There is no run '" + run_id + "'.");
    if (is_terminal(locked->state)) {
        return fail(
            errc::wrong_state,
            "The run has ended already: it is " + std::string(to_string(locked->state)) + "."
        );
    }
    return *locked;
}

} // namespace

result<run> find_run(snapshot const& view, std::string const& run_id, actor const& who) {
    auto found = view.runs().find(run_id);
    if (!found || (found->principal != who.principal && !who.sees_all)) {
        return fail(errc::not_found, "There is no run '" + run_id + "'.");
    }
    return *found;
}

result<run> cancel_run(transaction& tx, std::string const& run_id, actor const& who, std::string reason) {
    auto locked = lock_unfinished(tx, run_id, who);
    if (!locked) return locked;
    run_editor edit(tx, std::move(*locked));
    if (!edit.value().cancel_reason) edit.value().cancel_reason = std::move(reason);
    if (edit.value().lease_owner) {
        tx.signals().inboxes.push_back(run_id);
    } else {
        end_run(edit, run_event::cancel, *edit.value().cancel_reason);
    }
    edit.save();
    return edit.value();
}

result<run> give_input(transaction& tx, std::string const& run_id, actor const& who, run_input const& input) {
    auto locked = lock_unfinished(tx, run_id, who);
    if (!locked) return locked;
    if (is_background(*locked)) {
        return fail(
            errc::wrong_state, "The run is background work and takes no messages: start one in its session."
        );
    }
    boost::json::object payload{{"text", input.text}, {"principal", who.principal}};
    if (input.trace_parent) payload["traceparent"] = *input.trace_parent;
    tx.runs().add_to_inbox(run_id, "input", boost::json::serialize(payload));
    tx.signals().inboxes.push_back(run_id);
    return locked;
}

} // namespace gatehouse::core
