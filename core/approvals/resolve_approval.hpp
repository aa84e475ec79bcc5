#pragma once
#include "core/runs/change_run.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace gatehouse::core {

struct approval_verdict {
    std::string approval_id;
    std::string decision;       // "approve", "deny"; of an outcome: "retry", "skip", "fail"
    std::string grant = "once"; // "once", "session", "always"
    std::optional<std::chrono::milliseconds> grant_ttl;
    std::optional<boost::json::value> grant_when;
    std::optional<std::string> reason;
    std::optional<std::string> subject_hash;
};

// Decides once. The same decision again is answered the same; another one, an expired approval or another
// subject_hash is wrong_state; invalid_params where the decision does not fit the kind. In the same
// transaction the run becomes claimable. Database thread.
result<approval> resolve_approval(transaction& tx, approval_verdict const& verdict, actor const& who);

result<approval> find_approval(snapshot const& view, std::string const& approval_id, actor const& who);

} // namespace gatehouse::core
