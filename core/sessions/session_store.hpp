#pragma once
#include "core/runs/run.hpp"
#include "protocol/gen/types/session_mode.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

using protocol::session_mode;

struct session {
    std::string session_id;
    std::string session_key; // unique per principal
    std::string principal;
    std::string agent;
    std::optional<std::string> label;
    session_mode mode = session_mode::queue;
    timestamp created_at{};
    timestamp updated_at{};
};

// One message of a session's conversation, as the model sees it.
struct message {
    std::string session_id;
    std::int64_t ordinal = 0; // from 1, dense within the session; given by append()
    std::string run_id;
    std::string role; // "user", "assistant", "tool"
    std::string text;
    json_text extra =
        "{}"; // assistant: {"tool_calls":[…]}; tool: {"call_id","tool","ok"}; user: {"attachments"?}
    timestamp created_at{};
};

struct session_filter {
    std::optional<std::string> principal;
    std::optional<std::string> after; // session id
    std::int64_t limit = 100;
};

class session_store {
  public:
    virtual ~session_store() = default;
    virtual std::optional<session> find(std::string const& session_id) const = 0;
    virtual std::optional<session>
    find_by_key(std::string const& principal, std::string const& session_key) const = 0;
    // Last updated first.
    virtual std::vector<session> list(session_filter const& filter) const = 0;
    // False where principal and key exist already (another writer was first).
    virtual bool insert_if_new(session const& s) = 0;
    // Keeps the session's row locked to the end of the transaction; false where there is none. Start and end
    // of a run lock it first.
    virtual bool lock(std::string const& session_id) = 0;
    virtual void save(session const& s) = 0;
    // Somebody used it: nothing but updated_at changes.
    virtual void touch(std::string const& session_id, timestamp when) = 0;
    // Removes the session with its runs, tapes, messages and approvals. The caller has checked that no run is
    // unfinished.
    virtual void remove(std::string const& session_id) = 0;

    // Gives the message its ordinal.
    virtual void append_message(message m) = 0;
    // The conversation as it was before the run began becomes the beginning of another session's.
    virtual void copy_messages_before(run const& r, std::string const& to_session_id) = 0;
    virtual std::vector<message> messages_of_run(run const& r) const = 0;
    // The newest `limit` messages, oldest of them first.
    virtual std::vector<message> latest_messages(std::string const& session_id, std::int64_t limit) const = 0;
    virtual std::vector<message>
    messages(std::string const& session_id, std::int64_t after_ordinal, std::int64_t limit) const = 0;
};

} // namespace gatehouse::core
