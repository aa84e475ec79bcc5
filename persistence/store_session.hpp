#pragma once
#include "core/storage/transaction.hpp"
#include "persistence/stores/sql_agent_store.hpp"
#include "persistence/stores/sql_approval_store.hpp"
#include "persistence/stores/sql_artifact_store.hpp"
#include "persistence/stores/sql_event_log.hpp"
#include "persistence/stores/sql_grant_store.hpp"
#include "persistence/stores/sql_idempotency_store.hpp"
#include "persistence/stores/sql_instance_store.hpp"
#include "persistence/stores/sql_invocation_store.hpp"
#include "persistence/stores/sql_leader_store.hpp"
#include "persistence/stores/sql_meta_store.hpp"
#include "persistence/stores/sql_node_store.hpp"
#include "persistence/stores/sql_policy_store.hpp"
#include "persistence/stores/sql_retention_store.hpp"
#include "persistence/stores/sql_routed_message_store.hpp"
#include "persistence/stores/sql_run_store.hpp"
#include "persistence/stores/sql_session_store.hpp"
#include "persistence/stores/sql_token_store.hpp"
#include "persistence/stores/sql_trigger_store.hpp"

namespace gatehouse::persistence {

// One session and every store on it. One thread at a time.
class store_session {
  public:
    // Opens the session. Throws unusable_store.
    explicit store_session(
        dialect const& of, statement_hook hook = {}, std::filesystem::path artifacts = "artifacts"
    )
        : sql_(of, std::move(hook)), artifacts_(sql_, artifact_directory(std::move(artifacts))) {}
    store_session(store_session const&) = delete;
    store_session& operator=(store_session const&) = delete;

    sql& statements() { return sql_; }
    core::store_set const& stores() const { return stores_; }

  private:
    sql sql_;
    sql_run_store runs_{sql_};
    sql_session_store sessions_{sql_};
    sql_approval_store approvals_{sql_};
    sql_grant_store grants_{sql_};
    sql_policy_store policies_{sql_};
    sql_agent_store agents_{sql_};
    sql_token_store tokens_{sql_};
    sql_node_store nodes_{sql_};
    sql_invocation_store invocations_{sql_};
    sql_event_log events_{sql_};
    sql_idempotency_store idempotency_{sql_};
    sql_routed_message_store routed_messages_{sql_};
    sql_artifact_store artifacts_;
    sql_instance_store instances_{sql_};
    sql_meta_store meta_{sql_};
    sql_trigger_store triggers_{sql_};
    sql_leader_store leader_{sql_};
    sql_retention_store retention_{sql_};
    core::store_set stores_{
        .runs = runs_,
        .sessions = sessions_,
        .approvals = approvals_,
        .grants = grants_,
        .policies = policies_,
        .agents = agents_,
        .tokens = tokens_,
        .nodes = nodes_,
        .invocations = invocations_,
        .events = events_,
        .idempotency = idempotency_,
        .routed_messages = routed_messages_,
        .artifacts = artifacts_,
        .instances = instances_,
        .meta = meta_,
        .triggers = triggers_,
        .leader = leader_,
        .retention = retention_,
    };
};

} // namespace gatehouse::persistence
