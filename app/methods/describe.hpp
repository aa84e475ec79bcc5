#pragma once
// The store's records as the wire shows them. One function per noun; any thread.
#include "core/agents/agent_store.hpp"
#include "core/approvals/approval_store.hpp"
#include "core/artifacts/artifact_store.hpp"
#include "core/instances/instance_store.hpp"
#include "core/nodes/node_store.hpp"
#include "core/policy/policy_store.hpp"
#include "core/runs/run.hpp"
#include "core/sessions/session_store.hpp"
#include "core/tokens/token_store.hpp"
#include "core/tools/tool.hpp"
#include "core/triggers/trigger_store.hpp"
#include "protocol/gen/types/agent.hpp"
#include "protocol/gen/types/approval.hpp"
#include "protocol/gen/types/artifact.hpp"
#include "protocol/gen/types/grant.hpp"
#include "protocol/gen/types/history_message.hpp"
#include "protocol/gen/types/instance.hpp"
#include "protocol/gen/types/node.hpp"
#include "protocol/gen/types/pairing.hpp"
#include "protocol/gen/types/policy.hpp"
#include "protocol/gen/types/run.hpp"
#include "protocol/gen/types/session.hpp"
#include "protocol/gen/types/tape_item.hpp"
#include "protocol/gen/types/token.hpp"
#include "protocol/gen/types/tool.hpp"
#include "protocol/gen/types/trigger.hpp"
#include "protocol/gen/types/trigger_firing.hpp"
#include "protocol/gen/types/worker.hpp"

namespace gatehouse::app {

// A process with role worker, and how many runs it holds.
struct worker_process {
    core::instance process;
    std::int64_t running = 0;
};

protocol::agent describe(core::agent const& a);
protocol::approval describe(core::approval const& a);
protocol::artifact describe(core::artifact const& a);
protocol::grant describe(core::grant const& g);
protocol::history_message describe(core::message const& m);
protocol::instance describe(core::instance const& i);
protocol::node describe(core::node const& n);
protocol::pairing describe(core::pairing const& p);
protocol::policy describe(core::policy_document const& p);
protocol::run describe(core::run const& r);
protocol::session describe(core::session const& s);
protocol::tape_item describe(core::tape_item const& t);
protocol::token describe(core::token const& t);
protocol::tool describe(core::tool const& t);
protocol::trigger describe(core::trigger const& t);
protocol::trigger_firing describe(core::trigger_firing const& f);
protocol::worker describe(worker_process const& w);

std::vector<protocol::process_role> describe_roles(std::vector<std::string> const& words);

} // namespace gatehouse::app
