#pragma once
#include "core/runs/run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

// A call to a node: a row, not a promise in memory, so that its result outlives whoever asked for it.
struct invocation {
    std::string invocation_id;
    std::string device_id;
    std::string state; // "queued", "sent", "succeeded", "failed", "cancelled", "expired"
    std::string principal;
    std::optional<std::string> run_id;
    std::optional<std::int64_t> step_ordinal;
    std::optional<std::int64_t> lease_epoch;
    std::int64_t attempt = 1;
    std::string idempotency_key; // the one the node sees
    std::string capability;
    std::string operation;
    json_text arguments;
    std::int64_t connection_epoch = 0; // the connection it went to last; an answer counts only from that one
    timestamp created_at{};
    timestamp expires_at{}; // a queued one that is not sent by then expires
    std::int64_t queue_ttl_ms =
        0;                       // how long it waits for the node, and again from when the connection is lost
    std::int64_t timeout_ms = 0; // from sending to the answer
    std::optional<json_text> result;
    std::optional<json_text> error;
    json_text evidence = "[]";
    std::optional<timestamp> finished_at;
};

class invocation_store {
  public:
    virtual ~invocation_store() = default;
    virtual std::optional<invocation> find(std::string const& invocation_id) const = 0;
    virtual std::vector<std::string> finished_among(std::vector<std::string> const& invocation_ids) const = 0;
    // Devices connected to this process with calls that have yet to go out on their newest connection.
    virtual std::vector<std::string> devices_with_queued(std::string const& instance_id) const = 0;
    virtual void insert(invocation const& i) = 0;
    virtual std::optional<invocation> lock(std::string const& invocation_id) = 0;
    virtual void save(invocation const& i) = 0;
    // Queued or sent ones of a device, oldest first, locked. Waits for who holds one: a call that was passed
    // over would not be sent before the node connects again.
    virtual std::vector<invocation> lock_open_of_device(std::string const& device_id, std::int64_t limit) = 0;
    // What was sent on this connection of the device or an older one waits for the next one. Returns how
    // many.
    virtual std::int64_t requeue(std::string const& device_id, std::int64_t connection_epoch) = 0;
    // Queued ones past expires_at, and sent ones past that and their timeout, locked.
    virtual std::vector<invocation> lock_expired(std::int64_t limit) = 0;
};

} // namespace gatehouse::core
