#pragma once
// A call that a peer makes itself (node.invoke, tool.invoke): the same resolution, the same policy and the
// same approvals as before a model's call.
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <expected>
#include <optional>
#include <string>

namespace gatehouse::core {

struct direct_call {
    std::string principal;
    std::string tool;
    boost::json::object arguments;
    std::optional<std::string> node; // device id or label; absent: the argument `node`, or the only one
    std::optional<std::string> session_key; // whose grants count, and where an approval's grant may stand
    std::chrono::milliseconds timeout{0};   // from sending to the answer
    // How long it waits for a node that is offline; absent: such a node is unavailable.
    std::optional<std::chrono::milliseconds> queue_ttl;
    std::optional<std::string> call_key; // the idempotency key it came with, which an approval of it is for
};

struct begun_call {
    invocation row;
    bool node_is_away = false; // the row is queued until the node comes back
};

// Writes the call's row, to be delivered after the commit.
//
// A refusal inside the result is to be committed like a success: approval_required with details.approval_id
// (the approval was opened, or is pending), or policy_denied by a person, told once. Errors roll back:
// not_found (tool, node, session), invalid_params (arguments, several nodes and none named), wrong_state
// (revoked), policy_denied (a rule, or what the node's pairing allows), unavailable (offline). Database
// thread.
result<std::expected<begun_call, error>>
begin_call(transaction& tx, direct_call const& wanted, run_settings const& settings);

} // namespace gatehouse::core
