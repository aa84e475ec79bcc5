#pragma once
#include "core/channels/routed_message_store.hpp"
#include "core/runs/start_run.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace gatehouse::core {

// A message that somebody wrote on a channel, as its adapter hands it over.
struct inbound_message {
    std::string principal; // the adapter's, whose session it becomes
    std::string channel;
    std::string conversation;
    std::string sender;
    std::string message_id;
    boost::json::object input;               // {"text", "attachments"?}
    std::optional<std::string> trace_parent; // for the tape
    std::optional<std::string> claim_for;    // as run_request's
};

// The key of the session that a conversation of a channel is: "channel:<channel>:<conversation>". Where that
// is longer than a key may be, the conversation stands there as "sha256:" and 64 hex digits.
std::string session_key_of(std::string const& channel, std::string const& conversation);

struct routing {
    routed_message value;
    std::optional<started_run> started; // absent: the message was here before
};

// Gives the message to its conversation's session as a run, once per principal, channel and message_id; a
// later one is answered with what came of the first. Errors as start_run. Database thread.
result<routing> route_message(transaction& tx, inbound_message const& m, run_settings const& settings);

} // namespace gatehouse::core
