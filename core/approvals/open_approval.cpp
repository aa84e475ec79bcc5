#include "core/approvals/open_approval.hpp"

#include "core/events/make_event.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"

namespace gatehouse::core {

namespace json = boost::json;

json::object approval_subject::to_json() const {
    json::object o{{"tool", tool}, {"arguments", arguments}, {"principal", principal}};
    auto put = [&](char const* name, std::string const& value) {
        if (!value.empty()) o[name] = value;
    };
    put("agent", agent);
    put("session_id", session_id);
    put("run_id", run_id);
    put("step_id", step_id);
    if (node) o["node"] = *node;
    if (operation_hash) o["operation_hash"] = *operation_hash;
    return o;
}

std::string subject_hash(approval_subject const& subject) {
    return sha256_hex(canonical_json(json::value(subject.to_json())));
}

approval open_approval(
    transaction& tx, std::string kind, approval_subject const& subject, std::string risk,
    std::optional<std::int64_t> step_ordinal, run_settings const& settings,
    std::optional<std::string> call_key
) {
    approval a;
    a.approval_id = tx.ids().make("app");
    a.kind = std::move(kind);
    a.principal = subject.principal;
    a.agent = subject.agent;
    if (!subject.run_id.empty()) a.run_id = subject.run_id;
    a.step_ordinal = step_ordinal;
    a.call_key = std::move(call_key);
    a.subject = canonical_json(json::value(subject.to_json()));
    a.subject_hash = sha256_hex(a.subject);
    a.risk = std::move(risk);
    a.requested_at = tx.now();
    a.expires_at = tx.now() + settings.approval_ttl;
    tx.approvals().insert(a);
    tx.publish(make_approval_event(tx, a, "approval.requested"));
    return a;
}

} // namespace gatehouse::core
