#include "core/nodes/create_call.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

invocation create_call(transaction& tx, call_request const& wanted, std::string const& instance_id) {
    invocation call;
    call.invocation_id = tx.ids().make("inv");
    call.device_id = wanted.node.device_id;
    call.principal = wanted.principal;
    call.run_id = wanted.run_id;
    call.step_ordinal = wanted.step_ordinal;
    call.lease_epoch = wanted.lease_epoch;
    call.attempt = wanted.attempt;
    call.idempotency_key = wanted.idempotency_key.empty() ? call.invocation_id : wanted.idempotency_key;
    call.capability = wanted.capability;
    call.operation = wanted.operation;
    call.arguments = boost::json::serialize(wanted.arguments);
    call.created_at = tx.now();
    call.expires_at = tx.now() + wanted.queue_ttl;
    call.queue_ttl_ms = wanted.queue_ttl.count();
    call.timeout_ms = wanted.timeout.count();
    bool here = wanted.node.instance_id == instance_id;
    call.state = here ? "sent" : "queued";
    call.connection_epoch = here ? wanted.node.connection_epoch : 0;
    tx.invocations().insert(call);
    if (!here) tx.signals().devices.push_back(call.device_id);
    return call;
}

} // namespace gatehouse::core
