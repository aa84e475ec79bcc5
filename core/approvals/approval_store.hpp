#pragma once
#include "core/runs/run.hpp"
#include "protocol/gen/types/approval_state.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

using protocol::approval_state;

struct approval {
    std::string approval_id;
    std::string kind; // "call", "outcome"
    std::string principal;
    std::string agent;
    std::optional<std::string> run_id; // absent: asked for by a direct call (node.invoke, tool.invoke)
    std::optional<std::int64_t> step_ordinal;
    approval_state state = approval_state::pending;
    json_text subject; // canonical; what was shown
    std::string subject_hash;
    std::string risk;
    timestamp requested_at{};
    timestamp expires_at{};
    std::optional<std::string> decision; // "approve", "deny", "retry", "skip", "fail"
    std::optional<std::string> decided_by;
    std::optional<std::string> reason;
    std::optional<timestamp> decided_at;
    std::optional<std::string>
        call_key;      // of a direct call that came with an idempotency key: it is for that key alone
    bool used = false; // the one call it was given for has started; a denial: the caller was told
};

struct approval_filter {
    std::optional<std::string> principal;
    std::optional<approval_state> state;
    std::optional<std::string> after;
    std::int64_t limit = 100;
};

// A standing approval: lifts `ask` for one tool, node and arguments (or a schema over them), never `deny`.
struct grant {
    std::string grant_id;
    std::string principal;
    std::optional<std::string> session_id; // set: only in this session
    std::string tool;
    std::optional<std::string> node;
    std::string arguments_hash;    // hex SHA-256 of the canonical arguments
    std::optional<json_text> when; // JSON Schema over the arguments instead of the hash
    std::string created_by;
    timestamp created_at{};
    std::optional<timestamp> expires_at;
    std::optional<timestamp> revoked_at;
};

class approval_store {
  public:
    virtual ~approval_store() = default;
    virtual std::optional<approval> find(std::string const& approval_id) const = 0;
    // Oldest first.
    virtual std::vector<approval> list(approval_filter const& filter) const = 0;
    virtual std::vector<approval> pending_of_run(std::string const& run_id) const = 0;
    // Of a direct call with exactly this subject and idempotency key: the approval that was given and not
    // used yet, else the pending one, else the denial that was not told yet.
    virtual std::optional<approval> find_unused_by_subject(
        std::string const& principal, std::string const& subject_hash,
        std::optional<std::string> const& call_key
    ) const = 0;
    virtual void insert(approval const& a) = 0;
    // Keeps the row locked. `expired` is the database's own comparison of expires_at with its clock.
    struct locked {
        approval value;
        bool expired = false;
    };
    virtual std::optional<locked> lock(std::string const& approval_id) = 0;
    virtual void save(approval const& a) = 0;
    // Pending ones of direct calls that ran out, locked (those of runs expire with their run's claim).
    virtual std::vector<approval> lock_expired_without_run(std::int64_t limit) = 0;
};

class grant_store {
  public:
    virtual ~grant_store() = default;
    virtual void insert(grant const& g) = 0;
    virtual std::optional<grant> find(std::string const& grant_id) const = 0;
    // Those that hold now, oldest first; of everybody where no principal is given.
    virtual std::vector<grant> list(
        std::optional<std::string> const& principal, std::optional<std::string> const& after,
        std::int64_t limit
    ) const = 0;
    // Neither revoked nor run out, of this principal and tool.
    virtual std::vector<grant> live(std::string const& principal, std::string const& tool) const = 0;
    virtual void save(grant const& g) = 0;
};

} // namespace gatehouse::core
