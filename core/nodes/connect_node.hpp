#pragma once
// A device at the door: pairing, and its connections once it is paired. Database thread.
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace gatehouse::core {

// What a device says of itself; the proof of its key was checked before.
struct device_claim {
    std::string device_id;
    std::string public_key;
    std::optional<std::string> label;
    std::optional<std::string> platform;
    std::optional<std::string> version;
    std::optional<json_text> capabilities;
};

// A token minted before the transaction: its text never comes in here.
struct minted_token {
    std::string hash;
};

struct node_admission {
    std::string state; // "approved", "pending"
    std::string pairing_id;
    std::int64_t connection_epoch = 0; // approved
    bool token_issued = false;         // `minted` is its node token from now on
};

// A connection of a device that presents `with`, a node token or an invite. An invite is bound to the first
// device that comes with it and makes one pending pairing; an approved device that still comes with its
// invite gets the minted token. forbidden: another device's token, a denied, expired or revoked pairing, an
// invite whose device has its own token.
result<node_admission> connect_node(
    transaction& tx, token const& with, device_claim const& claim, minted_token const& minted,
    std::string const& instance_id, std::chrono::milliseconds pairing_ttl
);

// The decision has reached the waiting device on its own connection: the minted token becomes its node token
// and the connection its newest. Nothing where the pairing is not approved.
std::optional<node_admission> admit_waiting_node(
    transaction& tx, std::string const& device_id, minted_token const& minted, std::string const& instance_id
);

// The connection with that number has ended. A newer one is not touched.
void disconnect_node(transaction& tx, std::string const& device_id, std::int64_t connection_epoch);

// The capabilities of a connected node; not_found where it is not paired.
result<void> update_capabilities(transaction& tx, std::string const& device_id, json_text capabilities);

} // namespace gatehouse::core
