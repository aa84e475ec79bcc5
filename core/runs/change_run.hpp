#pragma once
// What people do to a run while it exists. Database thread.
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

// Who asks: another principal's runs are not_found, but for scope admin.
struct actor {
    std::string principal;
    bool sees_all = false;
};

result<run> find_run(snapshot const& view, std::string const& run_id, actor const& who);

// Ends the run where nobody works on it; else tells its owner, durably. wrong_state: it has ended already.
result<run> cancel_run(transaction& tx, std::string const& run_id, actor const& who, std::string reason);

// A message that the run takes in before its next model turn. wrong_state: it has ended already.
struct run_input {
    std::string text;
    std::optional<std::string> trace_parent; // for the tape
};
result<run> give_input(transaction& tx, std::string const& run_id, actor const& who, run_input const& input);

} // namespace gatehouse::core
