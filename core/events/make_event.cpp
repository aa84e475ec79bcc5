#include "core/events/make_event.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

event with_payload(transaction& tx, std::string_view type, json::object const& payload) {
    event e;
    e.event_id = tx.ids().make();
    e.type = type;
    e.occurred_at = tx.now();
    e.payload = json::serialize(payload);
    return e;
}

} // namespace

event make_run_event(transaction& tx, run const& r, std::string_view type, json::object const& payload) {
    auto e = with_payload(tx, type, payload);
    e.topic = "run:" + r.run_id;
    e.category = "runs";
    e.session_id = r.session_id;
    e.principal = r.principal;
    return e;
}

event make_approval_event(transaction& tx, approval const& a, std::string_view type) {
    auto subject = parse_own_json(a.subject).as_object();
    json::object payload{
        {"approval_id", a.approval_id}, {"kind", a.kind}, {"state", to_string(a.state)},
        {"tool", subject.at("tool")},   {"risk", a.risk}, {"expires_at", format_timestamp(a.expires_at)},
    };
    if (a.run_id) payload["run_id"] = *a.run_id;
    auto const* session_id = subject.if_contains("session_id");
    if (session_id) payload["session_id"] = *session_id;
    if (a.decision) payload["decision"] = *a.decision;
    if (a.decided_by) payload["decided_by"] = *a.decided_by;
    auto e = with_payload(tx, type, payload);
    e.topic = a.run_id ? "run:" + *a.run_id : "approvals";
    e.category = "approvals";
    if (session_id) e.session_id = session_id->as_string();
    e.principal = a.principal;
    return e;
}

event make_session_event(transaction& tx, session const& s, std::string_view type) {
    auto e = with_payload(tx, type, {{"session_id", s.session_id}});
    e.topic = "session:" + s.session_id;
    e.category = "sessions";
    e.session_id = s.session_id;
    e.principal = s.principal;
    return e;
}

event make_shared_event(
    transaction& tx, std::string_view category, std::string_view type, json::object const& payload
) {
    auto e = with_payload(tx, type, payload);
    e.topic = category;
    e.category = category;
    return e;
}

} // namespace gatehouse::core
