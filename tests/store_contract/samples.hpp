#pragma once
// Rows with every field set to a value of its own, so that two columns that were swapped show.
#include "core/storage/transaction.hpp"

#include <string>

namespace gatehouse::testing {

// What no text may lose on its way: quotes, other scripts, control characters and, where people write, NUL.
inline std::string const difficult_text("it's \"x\" \\ \x01 \xf0\x9f\x90\x99 a\0b\n", 22);
inline std::string const difficult_json = R"({"a":"it's \"x\" \\ \u0000 \n :name ","n":-1.5e300})";

inline timestamp at(std::int64_t ms) { return from_ms(1'700'000'000'000 + ms); }

inline core::session sample_session(std::string const& id = "ses_1") {
    return {
        .session_id = id,
        .session_key = "key of " + id,
        .principal = "user:a",
        .agent = "default",
        .label = difficult_text,
        .mode = core::session_mode::steer,
        .created_at = at(1),
        .updated_at = at(2),
    };
}

// Accepted, and not to be claimed.
inline core::run
sample_run(std::string const& id, std::int64_t ordinal = 1, std::string const& session = "ses_1") {
    core::run r;
    r.run_id = id;
    r.session_id = session;
    r.principal = "user:a";
    r.agent = "default";
    r.input = difficult_json;
    r.usage = {.input_tokens = 5'000'000'000, .output_tokens = 2};
    r.ordinal = ordinal;
    r.turn = 3;
    r.attempt = 4;
    r.steps = 5;
    r.created_at = at(10);
    r.deadline_at = at(11);
    r.lease_epoch = 6;
    r.tape_seq = 7;
    r.tape_hash = "00ff";
    return r;
}

inline core::step sample_step(std::string const& run_id, std::int64_t ordinal) {
    core::step s;
    s.run_id = run_id;
    s.ordinal = ordinal;
    s.turn = 2;
    s.call_id = "call";
    s.tool = "node__a__b";
    s.state = core::step_state::ready;
    s.attempt = 3;
    s.idempotency_key = "key";
    s.arguments = difficult_json;
    s.risk = "write";
    s.node = "dev_1";
    s.operation_hash = "hash";
    s.approval_id = "app_1";
    s.invocation_id = "inv_1";
    s.ok = true;
    s.output = difficult_json;
    s.artifacts = "[1]";
    return s;
}

inline core::tape_item sample_item(std::int64_t seq) {
    return {
        .seq = seq,
        .kind = "note",
        .occurred_at = at(seq),
        .payload = difficult_json,
        .prev_hash = "aa",
        .hash = "bb",
    };
}

inline core::approval sample_approval(std::string const& id) {
    core::approval a;
    a.approval_id = id;
    a.kind = "call";
    a.principal = "user:a";
    a.agent = "default";
    a.run_id = "run_1";
    a.step_ordinal = 2;
    a.subject = difficult_json;
    a.subject_hash = "hash";
    a.risk = "dangerous";
    a.requested_at = at(1);
    a.expires_at = from_ms(4'000'000'000'000);
    return a;
}

inline core::node sample_node(std::string const& id, std::string const& label) {
    core::node n;
    n.device_id = id;
    n.public_key = "key";
    n.label = label;
    n.platform = "linux";
    n.version = "1";
    n.trust = "local";
    n.allow = {"a.*", "b\"'.c"};
    n.capabilities = difficult_json;
    n.connection_epoch = 2;
    n.instance_id = "ins_1";
    n.auth_epoch = 3;
    n.token_used = true;
    n.last_seen_at = at(4);
    n.created_at = at(5);
    return n;
}

inline core::pairing sample_pairing(std::string const& id, std::string const& device) {
    return {
        .pairing_id = id,
        .device_id = device,
        .invite_token_id = "tok_1",
        .state = "pending",
        .device = difficult_json,
        .capabilities = "[2]",
        .requested_at = at(1),
        .expires_at = from_ms(4'000'000'000'000),
        .decided_by = "user:b",
        .reason = difficult_text,
    };
}

inline core::invocation sample_invocation(std::string const& id, std::string const& state = "queued") {
    core::invocation i;
    i.invocation_id = id;
    i.device_id = "dev_1";
    i.state = state;
    i.principal = "user:a";
    i.run_id = "run_1";
    i.step_ordinal = 1;
    i.lease_epoch = 2;
    i.attempt = 3;
    i.idempotency_key = "key";
    i.capability = "system";
    i.operation = "info";
    i.arguments = difficult_json;
    i.connection_epoch = 4;
    i.created_at = at(1);
    i.expires_at = from_ms(4'000'000'000'000);
    i.timeout_ms = 5;
    i.result = difficult_json;
    i.error = "{}";
    i.evidence = "[3]";
    i.finished_at = at(6);
    return i;
}

} // namespace gatehouse::testing
