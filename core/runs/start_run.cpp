#include "core/runs/start_run.hpp"

#include "core/runs/ask_model.hpp"
#include "core/runs/build_context.hpp"
#include "core/runs/claim_runs.hpp"
#include "core/runs/give_way.hpp"
#include "core/runs/run_editor.hpp"
#include "core/sessions/resolve_session.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

result<resolved_session> session_of(transaction& tx, run_request const& request) {
    session_request wanted;
    wanted.principal = request.principal;
    wanted.sees_all = request.sees_all;
    wanted.session_id = request.session_id;
    wanted.session_key = request.session_key;
    if (!request.session_id && !request.session_key) wanted.agent = request.agent;
    return resolve_session(tx, wanted);
}

// What people used last stands first.
void touch(transaction& tx, session const& in) {
    if (in.updated_at != tx.now()) tx.sessions().touch(in.session_id, tx.now());
}

run make_run(
    transaction& tx, run_request const& request, session const& in, std::int64_t ordinal, std::string agent
) {
    run r;
    r.run_id = tx.ids().make("run");
    r.session_id = in.session_id;
    r.principal = in.principal;
    r.agent = std::move(agent);
    r.input = json::serialize(request.input);
    r.ordinal = ordinal;
    r.created_at = tx.now();
    if (request.deadline) r.deadline_at = tx.now() + *request.deadline;
    return r;
}

// The head of an idle session is claimed at once where the caller has a slot for it.
std::optional<run_action>
claim_or_queue(run_editor& edit, agent const& as, run_request const& request, run_settings const& settings) {
    auto& r = edit.value();
    if (!request.claim_for) {
        r.claimable_at = edit.tx().now();
        return std::nullopt;
    }
    r.lease_owner = request.claim_for;
    r.lease_epoch = 1;
    edit.append_lease("start");
    edit.move(run_event::claim);
    begin_conversation(edit);
    return ask_model(edit, as, tools_of(edit.tx(), as), settings);
}

// The session's head, once it has given way to this message as far as the session's mode wants that.
std::optional<run> head_after(transaction& tx, run_request const& request, session const& in) {
    auto head = tx.runs().head_of_session(in.session_id);
    if (!head || in.mode == session_mode::queue || tx.approvals().pending_of_run(head->run_id).empty())
        return head;
    auto const* text = request.input.if_contains("text");
    std::string message(text && text->is_string() ? std::string_view(text->get_string()) : "");
    give_way(tx, in, *head, message, {request.principal, request.sees_all});
    return tx.runs().head_of_session(in.session_id);
}

// A question that was answered just now blocks nobody any more, though the run has not gone on yet.
blocked_by what_blocks(transaction& tx, run const& head) {
    auto const open = tx.approvals().pending_of_run(head.run_id);
    return {head.run_id, open.empty() ? std::nullopt : std::optional(open.front().approval_id)};
}

} // namespace

result<started_run> start_run(transaction& tx, run_request const& request, run_settings const& settings) {
    bool const is_named = request.session_id || request.session_key;
    // What is read before the first row is written costs Postgres no further round trip.
    auto as = is_named ? std::nullopt : tx.agents().find(request.agent.value_or("default"));
    auto resolved = session_of(tx, request);
    if (!resolved) return std::unexpected(resolved.error());
    auto const& [in, is_new] = *resolved;
    // Somebody deleted it a moment ago: it is gone, or made anew, as if this had come later.
    if (!is_new && !tx.sessions().lock(in.session_id)) return start_run(tx, request, settings);
    if (is_named) as = tx.agents().find(request.agent.value_or(in.agent));
    if (!as && request.agent) return fail(errc::not_found, "There is no agent '" + *request.agent + "'.");
    // The session's own was deleted.
    if (!as) as = tx.agents().find("default");
    auto head = is_new ? std::nullopt : head_after(tx, request, in);
    touch(tx, in);
    auto ordinal = is_new ? 1 : tx.runs().next_ordinal(in.session_id);
    run_editor edit(tx, make_run(tx, request, in, ordinal, as->name));
    if (is_new) edit.begin_session();
    edit.announce_new();
    auto input = request.input;
    if (request.trace_parent) input["traceparent"] = *request.trace_parent;
    edit.append("input", std::move(input));
    started_run started;
    if (head) {
        started.blocked = what_blocks(tx, *head);
    } else {
        started.first = claim_or_queue(edit, *as, request, settings);
    }
    edit.insert();
    started.value = edit.value();
    return started;
}

} // namespace gatehouse::core
