#pragma once
#include "core/storage/transaction.hpp"
#include "core/tools/tool.hpp"

#include <boost/json/object.hpp>

#include <chrono>

namespace gatehouse::core {

struct call_request {
    tool_node node;
    std::string capability;
    std::string operation;
    boost::json::object arguments;
    std::string principal;
    std::optional<std::string> run_id;
    std::optional<std::int64_t> step_ordinal;
    std::optional<std::int64_t> lease_epoch;
    std::int64_t attempt = 1;
    std::string idempotency_key;
    std::chrono::milliseconds timeout{0};
    std::chrono::milliseconds queue_ttl{0};
};

// Writes the call's row. Where `instance_id` itself holds the node's connection the call is marked as sent on
// it at once, and the caller hands it to the connection after the commit; else it is queued for whoever does.
// Database thread.
invocation create_call(transaction& tx, call_request const& wanted, std::string const& instance_id);

} // namespace gatehouse::core
