#pragma once
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

struct session_request {
    std::string principal;
    bool sees_all = false; // scope admin
    std::optional<std::string> session_id;
    std::optional<std::string> session_key;
    std::optional<std::string> agent;
    std::optional<std::string> label;
    std::optional<session_mode> mode;
    bool create = true;
};

struct resolved_session {
    session value;
    bool is_new = false; // made in this transaction: nobody else sees it before the end of it
};

// Finds the session, or makes it where only a key or nothing is given. What the request says of agent, label
// and mode is taken over. not_found: an id that is unknown or another principal's, a key with create = false,
// an unknown agent; wrong_state: id and key that do not belong together. Database thread.
result<resolved_session> resolve_session(transaction& tx, session_request const& request);

// The session where `principal` may see it (or sees all), else not_found. Database thread.
result<session> find_session(
    snapshot const& view, std::string const& session_id, std::string const& principal, bool sees_all
);

} // namespace gatehouse::core
