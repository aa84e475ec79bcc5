#pragma once
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace gatehouse::core {

// What a person is asked about, and what the answer binds: every byte that will run.
struct approval_subject {
    std::string tool;
    boost::json::object arguments; // as they were given, `node` included
    std::optional<std::string> node;
    std::string agent;
    std::string session_id;
    std::string run_id;
    std::string step_id;
    std::string principal;
    std::optional<std::string> operation_hash;

    boost::json::object to_json() const;
};

// hex SHA-256 of the canonical subject.
std::string subject_hash(approval_subject const& subject);

// Writes the pending approval and its event. `kind`: "call" or "outcome". Database thread.
approval open_approval(
    transaction& tx, std::string kind, approval_subject const& subject, std::string risk,
    std::optional<std::int64_t> step_ordinal, run_settings const& settings,
    std::optional<std::string> call_key = {}
);

} // namespace gatehouse::core
