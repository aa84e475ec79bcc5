#pragma once
#include "core/nodes/advertisement.hpp"
#include "core/runs/run.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

// A device that is or was paired. Its state on the wire is online where `instance_id` is set.
struct node {
    std::string device_id;
    std::string public_key; // base64url of the raw key
    std::string label;      // unique
    std::string platform;
    std::string version;
    std::string trust;              // "local", "remote"
    std::vector<std::string> allow; // globs of "capability.operation"
    json_text capabilities = "[]";
    std::int64_t connection_epoch = 0;      // number of its newest connection
    std::optional<std::string> instance_id; // who holds that connection
    std::int64_t auth_epoch = 0;            // goes up with a revocation
    bool revoked = false;
    bool token_used = false; // it has connected with a node token
    std::optional<timestamp> last_seen_at;
    timestamp created_at{};
};

struct pairing {
    std::string pairing_id;
    std::string device_id;
    std::string invite_token_id;
    std::string state; // "pending", "approved", "denied", "expired"
    json_text device;  // {id, public_key, label?, platform?, version?}
    json_text capabilities = "[]";
    timestamp requested_at{};
    timestamp expires_at{};
    std::optional<std::string> decided_by;
    std::optional<std::string> reason;
};

class node_store {
  public:
    virtual ~node_store() = default;
    virtual std::optional<node> find(std::string const& device_id) const = 0;
    // By device id or label.
    virtual std::optional<node> find_by_name(std::string const& node) const = 0;
    virtual std::vector<node> list(std::optional<std::string> const& after, std::int64_t limit) const = 0;
    // What its `capabilities` say; read anew only where they changed.
    virtual std::shared_ptr<advertisement const> advertised_by(node const& n) const = 0;
    // Those whose connection is not this process's any more: replaced, revoked, or it was declared dead.
    virtual std::vector<std::string>
    taken_from(std::string const& instance_id, std::vector<std::string> const& device_ids) const = 0;
    virtual void put(node const& n) = 0;
    virtual std::optional<node> lock(std::string const& device_id) = 0;
    // The devices whose connections `instance_id` held, set offline; their ids.
    virtual std::vector<std::string> disconnect_all_of(std::string const& instance_id) = 0;

    virtual std::optional<pairing> find_pairing(std::string const& pairing_id) const = 0;
    virtual std::optional<pairing> lock_pairing(std::string const& pairing_id) = 0;
    virtual std::optional<pairing> newest_pairing_of(std::string const& device_id) const = 0;
    virtual std::vector<pairing> list_pairings(
        std::optional<std::string> const& state, std::optional<std::string> const& after, std::int64_t limit
    ) const = 0;
    // Those without a pending pairing.
    virtual std::vector<std::string> decided_among(std::vector<std::string> const& device_ids) const = 0;
    virtual void put_pairing(pairing const& p) = 0;
    // Pending ones that ran out by the database's clock.
    virtual std::vector<pairing> lock_expired_pairings(std::int64_t limit) = 0;
};

} // namespace gatehouse::core
