#include "core/tools/begin_call.hpp"

#include "core/approvals/close_approval.hpp"
#include "core/approvals/open_approval.hpp"
#include "core/nodes/create_call.hpp"
#include "core/policy/make_question.hpp"
#include "core/tools/find_tool.hpp"

#include <algorithm>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

// Why a node that was named does not offer the tool.
error explain_missing(snapshot const& view, direct_call const& wanted, error otherwise) {
    if (!wanted.node || otherwise.code != errc::not_found) return otherwise;
    auto named = view.nodes().find_by_name(*wanted.node);
    if (!named) return {errc::not_found, "There is no node '" + *wanted.node + "'."};
    if (named->revoked)
        return {errc::wrong_state, "The pairing of the node '" + named->label + "' was revoked."};
    named->allow = {"*"};
    if (!offers(view, *named, wanted.tool)) return otherwise;
    return {
        errc::policy_denied,
        "The pairing of the node '" + named->label + "' does not allow " + wanted.tool + "."
    };
}

// The session of a session_key; empty where none is named.
result<std::string> session_of(snapshot const& view, direct_call const& wanted) {
    if (!wanted.session_key) return std::string();
    auto found = view.sessions().find_by_key(wanted.principal, *wanted.session_key);
    if (!found)
        return fail(errc::not_found, "There is no session with the key '" + *wanted.session_key + "'.");
    return found->session_id;
}

std::unexpected<error> needs_approval(approval const& a) {
    return fail(
        errc::approval_required, "This call needs a person's approval: make it again after that.",
        json::object{{"approval_id", a.approval_id}}
    );
}

std::unexpected<error> was_denied(approval const& a) {
    return fail(
        errc::policy_denied, "A person denied this call" + (a.reason ? ": " + *a.reason : std::string(".")),
        json::object{{"approval_id", a.approval_id}}
    );
}

// Takes a word that was given for exactly this subject: an approval lifts the question once, a denial is told
// once. Nothing: nobody has said anything that still counts.
std::optional<std::expected<void, error>> take_word(transaction& tx, approval_store::locked found) {
    auto& [a, expired] = found;
    if (a.used) return std::nullopt;
    if (a.state == approval_state::pending) {
        if (!expired) return needs_approval(a);
        close_approval(tx, a, approval_state::expired);
        return std::nullopt;
    }
    a.used = true;
    tx.approvals().save(a);
    if (expired) return std::nullopt;
    if (a.state == approval_state::denied) return was_denied(a);
    return std::expected<void, error>();
}

std::expected<void, error> take_or_ask(
    transaction& tx, approval_subject const& subject, std::string const& risk,
    std::optional<std::string> const& call_key, run_settings const& settings
) {
    auto hash = subject_hash(subject);
    while (auto known = tx.approvals().find_unused_by_subject(subject.principal, hash, call_key)) {
        auto locked = tx.approvals().lock(known->approval_id);
        if (!locked) continue;
        if (auto word = take_word(tx, std::move(*locked))) return *word;
    }
    return needs_approval(open_approval(tx, "call", subject, risk, std::nullopt, settings, call_key));
}

// The approval that a grant was given with is for the first of its calls, which the grant lifts.
void use_up_approval(
    transaction& tx, approval_subject const& subject, std::optional<std::string> const& call_key
) {
    auto known = tx.approvals().find_unused_by_subject(subject.principal, subject_hash(subject), call_key);
    if (!known || known->state != approval_state::approved) return;
    auto locked = tx.approvals().lock(known->approval_id);
    if (!locked) return;
    locked->value.used = true;
    tx.approvals().save(locked->value);
}

approval_subject
subject_of(direct_call const& wanted, tool_call_target const& target, std::string session_id) {
    approval_subject subject;
    subject.tool = wanted.tool;
    subject.arguments = wanted.arguments;
    subject.session_id = std::move(session_id);
    subject.principal = wanted.principal;
    subject.node = target.node->device_id;
    subject.operation_hash = target.node->operation_hash;
    return subject;
}

begun_call write_call(
    transaction& tx, direct_call const& wanted, tool_call_target target, run_settings const& settings
) {
    bool is_away = !target.node->instance_id;
    call_request call;
    call.node = std::move(*target.node);
    call.capability = target.called.capability;
    call.operation = target.called.operation;
    call.arguments = std::move(target.arguments);
    call.principal = wanted.principal;
    call.timeout = wanted.timeout;
    // Another instance that holds the connection has at least the call's own time to take it.
    auto queue_ttl = wanted.queue_ttl.value_or(std::chrono::milliseconds(0));
    call.queue_ttl = is_away ? queue_ttl : std::max(queue_ttl, wanted.timeout);
    return {create_call(tx, call, settings.instance_id), is_away};
}

} // namespace

result<std::expected<begun_call, error>>
begin_call(transaction& tx, direct_call const& wanted, run_settings const& settings) {
    auto session_id = session_of(tx, wanted);
    if (!session_id) return std::unexpected(session_id.error());
    auto target = resolve_tool_call(tx, wanted.tool, wanted.arguments, wanted.node);
    if (!target) return std::unexpected(explain_missing(tx, wanted, std::move(target.error())));
    auto answer = decide(tx, make_question(*target, {wanted.principal, "", *session_id}));
    if (answer.what == effect::deny) return fail(errc::policy_denied, answer.reason);
    if (!target->node->instance_id && !wanted.queue_ttl)
        return fail(errc::unavailable, "The node '" + target->node->label + "' is offline.");
    if (answer.grant_id) use_up_approval(tx, subject_of(wanted, *target, *session_id), wanted.call_key);
    if (answer.what == effect::ask) {
        auto subject = subject_of(wanted, *target, std::move(*session_id));
        auto lifted = take_or_ask(tx, subject, target->called.risk, wanted.call_key, settings);
        if (!lifted) return std::expected<begun_call, error>(std::unexpected(lifted.error()));
    }
    return std::expected<begun_call, error>(write_call(tx, wanted, std::move(*target), settings));
}

} // namespace gatehouse::core
