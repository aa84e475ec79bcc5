#include "core/nodes/connect_node.hpp"

#include "core/events/make_event.hpp"
#include "core/nodes/change_pairing.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

void publish_pairing(transaction& tx, pairing const& p, std::string_view type) {
    tx.publish(make_shared_event(
        tx, "pairings", type, {{"pairing_id", p.pairing_id}, {"device_id", p.device_id}, {"state", p.state}}
    ));
}

void publish_node(transaction& tx, node const& n, std::string_view type) {
    tx.publish(make_shared_event(tx, "nodes", type, {{"device_id", n.device_id}, {"label", n.label}}));
}

json_text describe_device(device_claim const& claim) {
    json::object o{{"id", claim.device_id}, {"public_key", claim.public_key}};
    if (claim.label) o["label"] = *claim.label;
    if (claim.platform) o["platform"] = *claim.platform;
    if (claim.version) o["version"] = *claim.version;
    return json::serialize(o);
}

void issue_node_token(transaction& tx, std::string const& device_id, minted_token const& minted) {
    // The invite stays: until the device has used this token, which it may lose, it can ask for another.
    tx.tokens().revoke_of_device(device_id, "node", tx.now());
    token t;
    t.token_id = tx.ids().make("tok");
    t.hash = minted.hash;
    t.kind = "node";
    t.principal = "node:" + device_id;
    t.device_id = device_id;
    t.created_at = tx.now();
    tx.tokens().insert(t);
}

// Makes this connection the node's newest.
std::int64_t begin_connection(transaction& tx, node n, std::string const& instance_id) {
    ++n.connection_epoch;
    n.instance_id = instance_id;
    n.last_seen_at = tx.now();
    tx.nodes().put(n);
    publish_node(tx, n, "node.online");
    tx.signals().policy = true;
    return n.connection_epoch;
}

void take_claim(node& n, device_claim const& claim) {
    if (claim.platform) n.platform = *claim.platform;
    if (claim.version) n.version = *claim.version;
    if (claim.capabilities) n.capabilities = *claim.capabilities;
}

result<node_admission> connect_paired(
    transaction& tx, token const& with, device_claim const& claim, std::string const& instance_id
) {
    if (with.device_id != claim.device_id)
        return fail(errc::forbidden, "This token belongs to another device.");
    auto known = tx.nodes().lock(claim.device_id);
    if (!known || known->revoked) return fail(errc::forbidden, "This device's pairing was revoked.");
    known->token_used = true;
    take_claim(*known, claim);
    node_admission admission{"approved", "", 0, false};
    if (auto p = tx.nodes().newest_pairing_of(claim.device_id)) admission.pairing_id = p->pairing_id;
    admission.connection_epoch = begin_connection(tx, std::move(*known), instance_id);
    return admission;
}

pairing request_pairing(
    transaction& tx, token const& with, device_claim const& claim, std::chrono::milliseconds ttl
) {
    pairing p;
    p.pairing_id = tx.ids().make("pair");
    p.device_id = claim.device_id;
    p.invite_token_id = with.token_id;
    p.state = "pending";
    p.device = describe_device(claim);
    p.capabilities = claim.capabilities.value_or("[]");
    p.requested_at = tx.now();
    p.expires_at = tx.now() + ttl;
    tx.nodes().put_pairing(p);
    publish_pairing(tx, p, "pairing.requested");
    return p;
}

result<node_admission> connect_approved_with_invite(
    transaction& tx, pairing const& p, device_claim const& claim, minted_token const& minted,
    std::string const& instance_id
) {
    auto known = tx.nodes().lock(claim.device_id);
    if (!known || known->revoked) return fail(errc::forbidden, "This device's pairing was revoked.");
    if (known->token_used)
        return fail(errc::forbidden, "The invite was used up: this device has a node token of its own.");
    take_claim(*known, claim);
    issue_node_token(tx, claim.device_id, minted);
    auto epoch = begin_connection(tx, std::move(*known), instance_id);
    return node_admission{"approved", p.pairing_id, epoch, true};
}

} // namespace

result<node_admission> connect_node(
    transaction& tx, token const& with, device_claim const& claim, minted_token const& minted,
    std::string const& instance_id, std::chrono::milliseconds pairing_ttl
) {
    if (with.kind == "node") return connect_paired(tx, with, claim, instance_id);
    if (!tx.tokens().bind_device(with.token_id, claim.device_id)) {
        return fail(errc::forbidden, "This invite was used by another device.");
    }
    auto newest = tx.nodes().newest_pairing_of(claim.device_id);
    bool has_run_out = newest && newest->state == "pending" && newest->expires_at <= tx.now();
    if (has_run_out) {
        newest->state = "expired";
        expire_pairing(tx, *newest);
    }
    // Requests of one device are one pairing, whichever invite they come with; what was decided belongs to
    // its invite.
    bool is_pending = newest && newest->state == "pending";
    bool was_decided = newest && newest->invite_token_id == with.token_id && newest->state != "expired";
    if (!is_pending && !was_decided) {
        return node_admission{"pending", request_pairing(tx, with, claim, pairing_ttl).pairing_id, 0, false};
    }
    if (newest->state == "denied") return fail(errc::forbidden, "The pairing of this device was denied.");
    if (newest->state == "approved")
        return connect_approved_with_invite(tx, *newest, claim, minted, instance_id);
    newest->invite_token_id = with.token_id;
    newest->device = describe_device(claim);
    if (claim.capabilities) newest->capabilities = *claim.capabilities;
    tx.nodes().put_pairing(*newest);
    return node_admission{"pending", newest->pairing_id, 0, false};
}

std::optional<node_admission> admit_waiting_node(
    transaction& tx, std::string const& device_id, minted_token const& minted, std::string const& instance_id
) {
    auto p = tx.nodes().newest_pairing_of(device_id);
    auto known = tx.nodes().lock(device_id);
    if (!p || p->state != "approved" || !known || known->revoked) return std::nullopt;
    issue_node_token(tx, device_id, minted);
    return node_admission{
        "approved", p->pairing_id, begin_connection(tx, std::move(*known), instance_id), true
    };
}

void disconnect_node(transaction& tx, std::string const& device_id, std::int64_t connection_epoch) {
    auto known = tx.nodes().lock(device_id);
    if (!known || known->connection_epoch != connection_epoch || !known->instance_id) return;
    known->instance_id.reset();
    known->last_seen_at = tx.now();
    tx.invocations().requeue(device_id, connection_epoch);
    tx.nodes().put(*known);
    publish_node(tx, *known, "node.offline");
    tx.signals().policy = true;
}

result<void> update_capabilities(transaction& tx, std::string const& device_id, json_text capabilities) {
    if (auto known = tx.nodes().lock(device_id)) {
        known->capabilities = std::move(capabilities);
        tx.nodes().put(*known);
        publish_node(tx, *known, "node.updated");
        tx.signals().policy = true;
        return {};
    }
    auto waiting = tx.nodes().newest_pairing_of(device_id);
    if (!waiting || waiting->state != "pending") return fail(errc::not_found, "This device is not paired.");
    waiting->capabilities = std::move(capabilities);
    tx.nodes().put_pairing(*waiting);
    return {};
}

} // namespace gatehouse::core
