#include "core/approvals/resolve_approval.hpp"

#include "core/approvals/close_approval.hpp"
#include "core/events/make_event.hpp"
#include "core/runs/run_editor.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"
#include "protocol/json_schema/schema.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

result<void> check_verdict(approval_verdict const& v, approval const& a) {
    bool of_call = v.decision == "approve" || v.decision == "deny";
    if (of_call != (a.kind == "call")) {
        return fail_param(
            "/decision", "enum",
            a.kind == "call" ? "This approval takes 'approve' or 'deny'."
                             : "This question takes 'retry', 'skip' or 'fail'."
        );
    }
    if (v.subject_hash && *v.subject_hash != a.subject_hash) {
        return fail(
            errc::wrong_state, "subject_hash is not that of what would run: read the approval again."
        );
    }
    if (v.grant_when) {
        auto compiled = json_schema::compile(*v.grant_when);
        if (!compiled)
            return fail_param("/grant_when" + compiled.error().path, "schema", compiled.error().message);
    }
    return {};
}

void add_grant(transaction& tx, approval_verdict const& v, approval const& a, actor const& who) {
    if (v.grant == "once" || v.decision != "approve") return;
    auto subject = parse_own_json(a.subject).as_object();
    auto arguments = subject.at("arguments").as_object();
    arguments.erase("node");
    grant g;
    g.grant_id = tx.ids().make("grt");
    g.principal = a.principal;
    if (v.grant == "session") {
        auto const* session_id = subject.if_contains("session_id");
        if (!session_id) return; // a direct call stands in no session
        g.session_id = session_id->as_string();
    }
    g.tool = subject.at("tool").as_string();
    if (auto const* node = subject.if_contains("node")) g.node = node->as_string();
    g.arguments_hash = sha256_hex(canonical_json(json::value(arguments)));
    if (v.grant_when) g.when = json::serialize(*v.grant_when);
    g.created_by = who.principal;
    g.created_at = tx.now();
    if (v.grant_ttl) g.expires_at = tx.now() + *v.grant_ttl;
    tx.grants().insert(g);
}

// Lets the run go on: at once on the tape where nobody works on it, else through its inbox.
void tell_run(transaction& tx, run locked, approval const& a) {
    json::object decision{
        {"approval_id", a.approval_id},
        {"state", to_string(a.state)},
        {"decision", *a.decision},
        {"decided_by", *a.decided_by}
    };
    if (a.step_ordinal) decision["step_id"] = step_id(*a.step_ordinal);
    if (a.reason) decision["reason"] = *a.reason;
    if (locked.lease_owner) {
        tx.runs().add_to_inbox(locked.run_id, "approval", json::serialize(decision));
        tx.signals().inboxes.push_back(locked.run_id);
        return;
    }
    run_editor edit(tx, std::move(locked));
    edit.append("approval_decision", std::move(decision));
    // It goes on with whoever claims it, and waits again where another question of it is still open. A second
    // answer may come before that.
    if (edit.value().state == run_state::waiting) edit.move(run_event::resume);
    edit.value().waiting_on.reset();
    edit.value().claimable_at = tx.now();
    edit.save();
}

result<approval> repeated(approval const& a, approval_verdict const& v) {
    if (a.decision == v.decision) return a;
    auto how = a.decision ? "was decided already: " + *a.decision
                          : "is " + std::string(to_string(a.state)) + " already";
    return fail(errc::wrong_state, "The approval " + how + ".");
}

} // namespace

result<approval> find_approval(snapshot const& view, std::string const& approval_id, actor const& who) {
    auto found = view.approvals().find(approval_id);
    if (!found || (found->principal != who.principal && !who.sees_all)) {
        return fail(errc::not_found, "There is no approval '" + approval_id + "'.");
    }
    return *found;
}

result<approval> resolve_approval(transaction& tx, approval_verdict const& verdict, actor const& who) {
    auto seen = find_approval(tx, verdict.approval_id, who);
    if (!seen) return seen;
    std::optional<run> locked_run;
    if (seen->run_id) {
        locked_run = tx.runs().lock(*seen->run_id);
        if (!locked_run) return fail(errc::not_found, "The run of this approval does not exist any more.");
    }
    auto [a, expired] = *tx.approvals().lock(verdict.approval_id);
    if (auto fits = check_verdict(verdict, a); !fits) return std::unexpected(fits.error());
    if (a.state != approval_state::pending) return repeated(a, verdict);
    if (expired) return fail(errc::wrong_state, "The approval has expired.");
    a.state = verdict.decision == "deny" ? approval_state::denied : approval_state::approved;
    a.decision = verdict.decision;
    a.decided_by = who.principal;
    a.decided_at = tx.now();
    a.reason = verdict.reason;
    tx.approvals().save(a);
    add_grant(tx, verdict, a, who);
    tx.publish(make_approval_event(tx, a, "approval.resolved"));
    if (locked_run) tell_run(tx, std::move(*locked_run), a);
    return a;
}

} // namespace gatehouse::core
