#pragma once
#include "core/runs/advance_run.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace gatehouse::core {

struct run_request {
    std::string principal;
    bool sees_all = false;
    std::optional<std::string> session_id;
    std::optional<std::string> session_key;
    std::optional<std::string> agent;        // absent: the session's
    boost::json::object input;               // {"text", "attachments"?}
    std::optional<std::string> trace_parent; // for the tape
    std::optional<std::chrono::milliseconds> deadline;
    // The instance that has a slot free and starts to work at once, where the session is idle; else the queue
    // decides.
    std::optional<std::string> claim_for;
};

// Why a run has to wait: the one of its session that stands before it.
struct blocked_by {
    std::string run_id;
    std::optional<std::string> approval_id;
};

struct started_run {
    run value;
    std::optional<blocked_by> blocked;
    // Claimed by `claim_for`: what it does first. Its first turn is on the tape with the acceptance, which
    // saves a commit.
    std::optional<run_action> first;
};

// Accepts a run: its row, its first tape items, its place in the session's queue. Errors as resolve_session;
// not_found for an unknown agent. Database thread.
result<started_run> start_run(transaction& tx, run_request const& request, run_settings const& settings);

} // namespace gatehouse::core
