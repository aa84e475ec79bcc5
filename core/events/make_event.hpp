#pragma once
// Events as the log stores them: once, with the most specific topic, the session and the class a broader
// topic matches.
#include "core/storage/transaction.hpp"

#include <boost/json/object.hpp>

#include <string_view>

namespace gatehouse::core {

// Belongs to the run's principal, topic "run:<id>".
event make_run_event(
    transaction& tx, run const& r, std::string_view type, boost::json::object const& payload
);

// An event of a run's or a direct call's approval: belongs to the approval's principal, class "approvals".
event make_approval_event(transaction& tx, approval const& a, std::string_view type);

// Belongs to the session's principal, topic "session:<id>".
event make_session_event(transaction& tx, session const& s, std::string_view type);

// Shared by everybody whose scopes let them read the class ("nodes", "pairings", "runs" for agents, …).
event make_shared_event(
    transaction& tx, std::string_view category, std::string_view type, boost::json::object const& payload
);

} // namespace gatehouse::core
