#pragma once
// What a unit of work may touch: the stores, one per aggregate, on one snapshot or inside one transaction.
// Database thread only, and only for as long as the unit runs.
#include "core/agents/agent_store.hpp"
#include "core/approvals/approval_store.hpp"
#include "core/artifacts/artifact_store.hpp"
#include "core/channels/routed_message_store.hpp"
#include "core/events/event_log.hpp"
#include "core/idempotency/idempotency_store.hpp"
#include "core/instances/instance_store.hpp"
#include "core/nodes/invocation_store.hpp"
#include "core/nodes/node_store.hpp"
#include "core/policy/policy_store.hpp"
#include "core/ports/ids.hpp"
#include "core/runs/run_store.hpp"
#include "core/scheduler/leader_store.hpp"
#include "core/scheduler/retention_store.hpp"
#include "core/sessions/session_store.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/tokens/token_store.hpp"
#include "core/triggers/trigger_store.hpp"

#include <vector>

namespace gatehouse::core {

// Every store of one database session.
struct store_set {
    run_store& runs;
    session_store& sessions;
    approval_store& approvals;
    grant_store& grants;
    policy_store& policies;
    agent_store& agents;
    token_store& tokens;
    node_store& nodes;
    invocation_store& invocations;
    event_log& events;
    idempotency_store& idempotency;
    routed_message_store& routed_messages;
    artifact_store& artifacts;
    instance_store& instances;
    meta_store& meta;
    trigger_store& triggers;
    leader_store& leader;
    retention_store& retention;
};

// Read access.
class snapshot {
  public:
    snapshot(store_set const& stores, timestamp now) : stores_(stores), now_(now) {}

    run_store const& runs() const { return stores_.runs; }
    session_store const& sessions() const { return stores_.sessions; }
    approval_store const& approvals() const { return stores_.approvals; }
    grant_store const& grants() const { return stores_.grants; }
    policy_store const& policies() const { return stores_.policies; }
    agent_store const& agents() const { return stores_.agents; }
    token_store const& tokens() const { return stores_.tokens; }
    node_store const& nodes() const { return stores_.nodes; }
    invocation_store const& invocations() const { return stores_.invocations; }
    event_log const& events() const { return stores_.events; }
    artifact_store const& artifacts() const { return stores_.artifacts; }
    instance_store const& instances() const { return stores_.instances; }
    meta_store const& meta() const { return stores_.meta; }
    trigger_store const& triggers() const { return stores_.triggers; }
    leader_store const& leader() const { return stores_.leader; }

    // The store's time when the unit began: the database's own inside a transaction on Postgres, else as this
    // process reckons it.
    timestamp now() const { return now_; }

  protected:
    store_set const& stores_;
    timestamp now_;
};

// Read and write access. Rows are locked in one order: idempotency keys, sessions, runs, approvals, the rest;
// events last.
class transaction : public snapshot {
  public:
    transaction(store_set const& stores, timestamp now, id_source& ids) : snapshot(stores, now), ids_(ids) {}

    using snapshot::events;
    run_store& runs() { return stores_.runs; }
    session_store& sessions() { return stores_.sessions; }
    approval_store& approvals() { return stores_.approvals; }
    grant_store& grants() { return stores_.grants; }
    policy_store& policies() { return stores_.policies; }
    agent_store& agents() { return stores_.agents; }
    token_store& tokens() { return stores_.tokens; }
    node_store& nodes() { return stores_.nodes; }
    invocation_store& invocations() { return stores_.invocations; }
    idempotency_store& idempotency() { return stores_.idempotency; }
    routed_message_store& routed_messages() { return stores_.routed_messages; }
    artifact_store& artifacts() { return stores_.artifacts; }
    instance_store& instances() { return stores_.instances; }
    meta_store& meta() { return stores_.meta; }
    trigger_store& triggers() { return stores_.triggers; }
    leader_store& leader() { return stores_.leader; }
    retention_store& retention() { return stores_.retention; }

    id_source& ids() { return ids_; }

    // Hands the event to the log. It is written as the transaction's last statement, after every row lock was
    // taken.
    void publish(event e) {
        signals_.outbox = true;
        published_.push_back(std::move(e));
    }

    commit_signals& signals() { return signals_; }
    std::vector<event>& published() { return published_; }

  private:
    id_source& ids_;
    commit_signals signals_;
    std::vector<event> published_;
};

} // namespace gatehouse::core
