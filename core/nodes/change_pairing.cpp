#include "core/nodes/change_pairing.hpp"

#include "core/events/make_event.hpp"
#include "core/nodes/finish_call.hpp"
#include "protocol/canonical_json.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

constexpr std::int64_t batch_max = 256;

void publish(transaction& tx, pairing const& p, std::string_view type) {
    tx.publish(make_shared_event(
        tx, "pairings", type, {{"pairing_id", p.pairing_id}, {"device_id", p.device_id}, {"state", p.state}}
    ));
    tx.signals().devices.push_back(p.device_id);
}

void publish(transaction& tx, node const& n, std::string_view type) {
    tx.publish(make_shared_event(tx, "nodes", type, {{"device_id", n.device_id}, {"label", n.label}}));
    tx.signals().devices.push_back(n.device_id);
    tx.signals().policy = true;
}

result<pairing> lock_undecided(transaction& tx, std::string const& pairing_id, std::string_view decision) {
    auto p = tx.nodes().lock_pairing(pairing_id);
    if (!p) return fail(errc::not_found, "There is no pairing '" + pairing_id + "'.");
    if (p->state == "pending" && p->expires_at <= tx.now()) p->state = "expired";
    if (p->state != "pending" && p->state != decision) {
        return fail(errc::wrong_state, "The pairing is " + p->state + " already.");
    }
    return *p;
}

std::string text_or(json::object const& o, std::string_view member, std::string fallback) {
    auto const* found = o.if_contains(member);
    return found ? std::string(found->as_string()) : fallback;
}

// "phone", "phone-2", "phone-3" …
std::string free_label(transaction& tx, std::string const& wanted, std::string const& device_id) {
    auto label = wanted;
    for (int n = 2;; ++n) {
        auto other = tx.nodes().find_by_name(label);
        if (!other || other->device_id == device_id) return label;
        label = wanted + "-" + std::to_string(n);
    }
}

node make_node(transaction& tx, pairing const& p, pairing_approval const& wanted) {
    auto device = parse_own_json(p.device).as_object();
    auto n = tx.nodes().lock(p.device_id).value_or(node{});
    bool is_new = n.device_id.empty();
    n.device_id = p.device_id;
    n.public_key = text_or(device, "public_key", "");
    n.label = free_label(
        tx, wanted.label.value_or(text_or(device, "label", p.device_id.substr(0, 12))), p.device_id
    );
    n.platform = text_or(device, "platform", "");
    n.version = text_or(device, "version", "");
    n.trust = wanted.trust;
    n.allow = wanted.allow;
    n.capabilities = p.capabilities;
    n.revoked = false;
    n.token_used = false;
    if (is_new) n.created_at = tx.now();
    return n;
}

} // namespace

result<pairing> approve_pairing(transaction& tx, pairing_approval const& wanted) {
    auto p = lock_undecided(tx, wanted.pairing_id, "approved");
    if (!p || p->state == "approved") return p;
    auto named = wanted.label ? tx.nodes().find_by_name(*wanted.label) : std::nullopt;
    if (named && named->device_id != p->device_id)
        return fail(errc::wrong_state, "label: another node is called '" + *wanted.label + "'.");
    p->state = "approved";
    p->decided_by = wanted.decided_by;
    tx.nodes().put_pairing(*p);
    auto n = make_node(tx, *p, wanted);
    tx.nodes().put(n);
    publish(tx, *p, "pairing.resolved");
    publish(tx, n, "node.updated");
    return p;
}

result<pairing> deny_pairing(
    transaction& tx, std::string const& pairing_id, std::string decided_by, std::optional<std::string> reason
) {
    auto p = lock_undecided(tx, pairing_id, "denied");
    if (!p || p->state == "denied") return p;
    p->state = "denied";
    p->decided_by = std::move(decided_by);
    p->reason = std::move(reason);
    tx.nodes().put_pairing(*p);
    publish(tx, *p, "pairing.resolved");
    return p;
}

result<node> find_node(snapshot const& view, std::string const& name) {
    auto found = view.nodes().find_by_name(name);
    if (!found) return fail(errc::not_found, "There is no node '" + name + "'.");
    return *found;
}

result<node> rename_node(transaction& tx, std::string const& name, std::string const& label) {
    auto n = find_node(tx, name);
    if (!n) return n;
    auto other = tx.nodes().find_by_name(label);
    if (other && other->device_id != n->device_id)
        return fail(errc::wrong_state, "label: another node is called '" + label + "'.");
    n = *tx.nodes().lock(n->device_id);
    n->label = label;
    tx.nodes().put(*n);
    publish(tx, *n, "node.updated");
    return n;
}

result<node> revoke_node(transaction& tx, std::string const& name) {
    auto n = find_node(tx, name);
    if (!n || n->revoked) return n;
    n = *tx.nodes().lock(n->device_id);
    n->revoked = true;
    ++n->auth_epoch;
    n->instance_id.reset();
    n->last_seen_at = tx.now();
    tx.nodes().put(*n);
    // The node itself hears of its pairing; who uses another token of the device hears of that.
    for (auto const* kind : {"client", "admin"}) {
        for (auto& token_id : tx.tokens().revoke_of_device(n->device_id, kind, tx.now()))
            tx.signals().tokens.push_back(std::move(token_id));
    }
    tx.tokens().revoke_of_device(n->device_id, {}, tx.now());
    for (auto const& call : tx.invocations().lock_open_of_device(n->device_id, batch_max)) {
        call_answer answer;
        answer.invocation_id = call.invocation_id;
        answer.state = "failed";
        answer.error = {{"kind", "unavailable"}, {"message", "The node was revoked."}};
        finish_call(tx, answer);
    }
    publish(tx, *n, "node.revoked");
    return n;
}

void expire_pairing(transaction& tx, pairing p) {
    p.state = "expired";
    tx.nodes().put_pairing(p);
    publish(tx, p, "pairing.expired");
}

void expire_pairings(transaction& tx) {
    for (auto& p : tx.nodes().lock_expired_pairings(batch_max)) expire_pairing(tx, std::move(p));
}

} // namespace gatehouse::core
