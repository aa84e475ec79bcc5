#pragma once
// A run as the store keeps it: one row, whose lock is the right to change the run and to append to its tape.
#include "protocol/gen/types/run_state.hpp"
#include "protocol/timestamp.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gatehouse::core {

using protocol::run_state;

// Compact JSON text of one document. Opaque to core's stores.
using json_text = std::string;

// What a run is for. All but `message` is work in the background, which follows a run by itself.
enum class run_purpose : std::uint8_t {
    message, // what a person, a channel or a trigger said
    label,   // a name for the session, from its beginning
};

struct token_usage {
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
};

struct run {
    std::string run_id;
    std::string session_id;
    std::string principal;
    std::string agent;
    run_purpose purpose = run_purpose::message;
    run_state state = run_state::accepted;
    json_text input; // {"text":…, "attachments"?:…, "hook"?:…}
    std::optional<std::string> output;
    std::optional<json_text> error; // the error object of a failed run
    token_usage usage;
    // Position in its session, from 1; runs of a session work in this order. Work in the background stands
    // beside that order: -1, -2, …
    std::int64_t ordinal = 0;
    std::int64_t turn = 0;    // finished model turns
    std::int64_t attempt = 0; // failed attempts of the turn that is under way
    std::int64_t steps = 0;   // steps begun so far
    timestamp created_at{};
    std::optional<timestamp> started_at;
    std::optional<timestamp> finished_at;
    std::optional<timestamp> deadline_at;
    // When the run may be claimed; nobody may take it while this is empty (engine.md 2). Only a session's
    // head has it.
    std::optional<timestamp> claimable_at;
    std::optional<std::string> lease_owner; // instance id
    std::int64_t lease_epoch = 0;           // the fence
    std::int64_t tape_seq = 0;              // head of the tape
    std::string tape_hash;
    std::optional<std::string> waiting_on;    // approval id
    std::optional<std::string> cancel_reason; // set: a person asked for the end
};

constexpr bool is_background(run const& r) { return r.purpose != run_purpose::message; }

// A part of a run that has an effect outside: one tool call. Provider turns need none, their request on the
// tape is theirs.
enum class step_state : std::uint8_t {
    proposed, // waits for a person's word
    ready,    // may start
    started,  // committed before the effect: from here on the outcome may be unknown
    finished,
};

struct step {
    std::string run_id;
    std::int64_t ordinal = 0; // from 1 within the run
    std::int64_t turn = 0;    // the turn that asked for it
    std::string call_id;      // the model's own name for the call
    std::string tool;
    step_state state = step_state::proposed;
    std::int64_t attempt =
        1; // goes up with each known failure that is tried again, and with a person's `retry`
    std::string idempotency_key;
    json_text arguments; // as the model gave them, canonical
    std::string risk;
    std::optional<std::string> node;           // device id, where it is a call to a node
    std::optional<std::string> operation_hash; // of the operation as the node advertised it at the decision
    std::optional<std::string> approval_id;
    std::optional<std::string> invocation_id; // the call to the node
    bool ok = false;
    std::optional<json_text> output;
    json_text artifacts = "[]";
};

// A message from others for the owner of a leased run, put on the tape before the owner's next item.
struct inbox_message {
    std::int64_t inbox_id = 0;
    std::string kind; // "input", "cancel", "approval"
    json_text payload;
};

struct tape_item {
    std::int64_t seq = 0;
    std::string kind;
    timestamp occurred_at{};
    json_text payload; // canonical (RFC 8785): exactly the bytes that were hashed
    std::string prev_hash;
    std::string hash;
};

} // namespace gatehouse::core
