#pragma once
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <string>

namespace gatehouse::core {

// not_found where there is none of that name. Database thread.
result<agent> find_agent(snapshot const& view, std::string const& name);

// Makes the agent or replaces it whole, but for the time it was made. Database thread.
agent put_agent(transaction& tx, agent wanted);

// not_found; wrong_state for `default`, which sessions fall back on, and while a run of it is unfinished.
// Database thread.
result<void> delete_agent(transaction& tx, std::string const& name);

} // namespace gatehouse::core
