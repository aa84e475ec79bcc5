#include "app/methods/describe.hpp"

#include "core/runs/run_steps.hpp"
#include "protocol/json_codec.hpp"

namespace gatehouse::app {

namespace json = boost::json;

namespace {

// What core keeps as a word, as the contract's enum. The store's CHECKs allow no other words.
template <class Enum>
Enum word(std::optional<Enum> (*parse)(std::string_view), std::string const& text) {
    if (auto value = parse(text)) return *value;
    throw std::logic_error("the store holds a word that the contract does not know: " + text);
}

std::optional<std::string> text_if(json::object const& from, std::string_view member) {
    auto const* found = from.if_contains(member);
    return found ? std::optional(std::string(found->as_string())) : std::nullopt;
}

template <class T>
T read_own(std::string const& text) {
    return protocol::from_json<T>(parse_own_json(text));
}

} // namespace

protocol::agent describe(core::agent const& a) {
    protocol::agent shown;
    shown.name = a.name;
    shown.model = a.model;
    shown.system_prompt = a.system_prompt;
    shown.tools = a.tools;
    shown.temperature = a.temperature;
    shown.max_turns = a.max_turns;
    if (a.budgets != "{}") shown.budgets = read_own<protocol::agent_budgets>(a.budgets);
    shown.created_at = a.created_at;
    shown.updated_at = a.updated_at;
    return shown;
}

protocol::approval describe(core::approval const& a) {
    protocol::approval shown;
    shown.approval_id = a.approval_id;
    shown.kind = word(&protocol::parse_approval_kind, a.kind);
    shown.run_id = a.run_id;
    if (a.step_ordinal) shown.step_id = core::step_id(*a.step_ordinal);
    shown.state = a.state;
    shown.subject = read_own<protocol::approval_subject>(a.subject);
    shown.subject_hash = a.subject_hash;
    shown.risk = word(&protocol::parse_risk, a.risk);
    shown.requested_at = a.requested_at;
    shown.expires_at = a.expires_at;
    if (a.decision) shown.decision = word(&protocol::parse_approval_decision, *a.decision);
    shown.decided_by = a.decided_by;
    shown.decided_at = a.decided_at;
    shown.reason = a.reason;
    return shown;
}

protocol::artifact describe(core::artifact const& a) {
    return {a.artifact_id, a.name, a.media_type, a.size, a.created_at};
}

protocol::grant describe(core::grant const& g) {
    protocol::grant shown;
    shown.grant_id = g.grant_id;
    shown.principal = g.principal;
    shown.tool = g.tool;
    shown.node = g.node;
    shown.session_id = g.session_id;
    if (g.when)
        shown.when = parse_own_json(*g.when);
    else
        shown.arguments_hash = g.arguments_hash;
    shown.created_by = g.created_by;
    shown.created_at = g.created_at;
    shown.expires_at = g.expires_at;
    shown.revoked_at = g.revoked_at;
    return shown;
}

protocol::history_message describe(core::message const& m) {
    protocol::history_message shown;
    shown.ordinal = m.ordinal;
    shown.run_id = m.run_id;
    shown.role = word(&protocol::parse_message_role, m.role);
    shown.text = m.text;
    auto extra = parse_own_json(m.extra).as_object();
    if (auto const* attachments = extra.if_contains("attachments"))
        shown.attachments = protocol::from_json<std::vector<protocol::artifact_ref>>(*attachments);
    if (auto const* origin = extra.if_contains("origin"))
        shown.origin = protocol::from_json<protocol::message_origin>(*origin);
    if (auto const* calls = extra.if_contains("tool_calls"))
        shown.tool_calls = protocol::from_json<std::vector<protocol::tool_request>>(*calls);
    shown.call_id = text_if(extra, "call_id");
    shown.tool = text_if(extra, "tool");
    if (auto const* ok = extra.if_contains("ok")) shown.ok = ok->as_bool();
    shown.created_at = m.created_at;
    return shown;
}

protocol::instance describe(core::instance const& i) {
    return {i.instance_id, describe_roles(i.roles), i.version, i.address, i.started_at, i.heartbeat_at};
}

protocol::node describe(core::node const& n) {
    using protocol::node_state;
    protocol::node shown;
    shown.device_id = n.device_id;
    shown.label = n.label;
    shown.platform = n.platform;
    if (!n.version.empty()) shown.version = n.version;
    shown.state = n.revoked ? node_state::revoked : n.instance_id ? node_state::online : node_state::offline;
    shown.trust = word(&protocol::parse_node_trust, n.trust);
    shown.allow = n.allow;
    shown.capabilities = read_own<std::vector<protocol::capability>>(n.capabilities);
    shown.last_seen_at = n.last_seen_at;
    shown.created_at = n.created_at;
    return shown;
}

protocol::pairing describe(core::pairing const& p) {
    protocol::pairing shown;
    shown.pairing_id = p.pairing_id;
    shown.state = word(&protocol::parse_pairing_state, p.state);
    auto device = parse_own_json(p.device).as_object();
    shown.device.id = p.device_id;
    shown.device.label = text_if(device, "label");
    shown.device.platform = text_if(device, "platform");
    shown.device.version = text_if(device, "version");
    shown.capabilities = read_own<std::vector<protocol::capability>>(p.capabilities);
    shown.requested_at = p.requested_at;
    shown.expires_at = p.expires_at;
    shown.decided_by = p.decided_by;
    shown.reason = p.reason;
    return shown;
}

protocol::policy describe(core::policy_document const& p) {
    return {p.version, read_own<std::vector<protocol::rule>>(p.rules)};
}

protocol::run describe(core::run const& r) {
    protocol::run shown;
    shown.run_id = r.run_id;
    shown.session_id = r.session_id;
    shown.agent = r.agent;
    shown.principal = r.principal;
    shown.state = r.state;
    shown.created_at = r.created_at;
    shown.started_at = r.started_at;
    shown.finished_at = r.finished_at;
    shown.deadline_at = r.deadline_at;
    if (r.output) shown.output = protocol::run_output_value{*r.output};
    if (r.error) shown.error = read_own<protocol::error_object>(*r.error);
    shown.usage = {r.usage.input_tokens, r.usage.output_tokens};
    shown.steps = r.steps;
    shown.tape_head = {r.tape_seq, r.tape_hash};
    if (r.waiting_on) shown.waiting_on = protocol::run_waiting_on_value{*r.waiting_on};
    return shown;
}

protocol::session describe(core::session const& s) {
    return {s.session_id, s.session_key, s.agent, s.label, s.mode, s.principal, s.created_at, s.updated_at};
}

protocol::tape_item describe(core::tape_item const& t) {
    return {t.seq, t.kind, t.occurred_at, {t.payload}, t.prev_hash, t.hash};
}

protocol::token describe(core::token const& t) {
    protocol::token shown;
    shown.token_id = t.token_id;
    shown.kind = word(&protocol::parse_token_kind, t.kind);
    shown.principal = t.principal;
    for (auto const& scope : t.scopes) shown.scopes.push_back(word(&protocol::parse_scope, scope));
    shown.label = t.label;
    shown.device_id = t.device_id;
    shown.created_at = t.created_at;
    shown.expires_at = t.expires_at;
    shown.revoked_at = t.revoked_at;
    return shown;
}

protocol::tool describe(core::tool const& t) {
    protocol::tool shown;
    shown.name = t.name;
    shown.description = t.description;
    shown.input_schema = t.input_schema;
    shown.source = word(&protocol::parse_tool_source, t.source);
    shown.risk = protocol::parse_risk(t.risk).value_or(protocol::risk::unknown);
    if (!t.nodes.empty()) {
        shown.nodes.emplace();
        for (auto const& n : t.nodes) shown.nodes->push_back(n.label);
    }
    return shown;
}

// Without the secret.
protocol::trigger describe(core::trigger const& t) {
    protocol::trigger shown;
    shown.trigger_id = t.trigger_id;
    shown.name = t.name;
    shown.principal = t.principal;
    shown.kind = t.kind;
    shown.cron = t.cron;
    shown.time_zone = t.time_zone;
    shown.every_ms = t.every_ms;
    shown.session_key = t.session_key;
    shown.agent = t.agent;
    shown.input = read_own<protocol::input_message>(t.input);
    shown.enabled = t.enabled;
    shown.missed = t.missed;
    shown.revision = t.revision;
    shown.next_fire_at = t.next_fire_at;
    shown.created_at = t.created_at;
    shown.updated_at = t.updated_at;
    return shown;
}

protocol::trigger_firing describe(core::trigger_firing const& f) {
    return {f.slot, f.state, f.fired_at, f.run_id, f.reason};
}

protocol::worker describe(worker_process const& w) {
    auto const& i = w.process;
    protocol::worker shown;
    shown.instance_id = i.instance_id;
    shown.roles = describe_roles(i.roles);
    shown.version = i.version;
    shown.address = i.address;
    shown.slots = i.slots;
    shown.running = w.running;
    shown.started_at = i.started_at;
    shown.heartbeat_at = i.heartbeat_at;
    return shown;
}

std::vector<protocol::process_role> describe_roles(std::vector<std::string> const& words) {
    std::vector<protocol::process_role> roles;
    for (auto const& each : words) roles.push_back(word(&protocol::parse_process_role, each));
    return roles;
}

} // namespace gatehouse::app
