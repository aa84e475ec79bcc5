#pragma once
// What people do with devices. Database thread.
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct pairing_approval {
    std::string pairing_id;
    std::vector<std::string> allow; // globs of "capability.operation"
    std::string trust = "remote";
    std::optional<std::string> label; // else the device's own; a number makes it unique
    std::string decided_by;
};

// The same decision again is answered the same; another one, or an expired pairing, is wrong_state.
result<pairing> approve_pairing(transaction& tx, pairing_approval const& wanted);
result<pairing> deny_pairing(
    transaction& tx, std::string const& pairing_id, std::string decided_by, std::optional<std::string> reason
);

// By device id or label.
result<node> find_node(snapshot const& view, std::string const& name);
// wrong_state: the label is another node's.
result<node> rename_node(transaction& tx, std::string const& name, std::string const& label);
// Ends its rights, its tokens, its connections everywhere and its open calls.
result<node> revoke_node(transaction& tx, std::string const& name);

// A pending pairing that ran out.
void expire_pairing(transaction& tx, pairing p);
// All pending pairings that ran out. Housekeeping's.
void expire_pairings(transaction& tx);

} // namespace gatehouse::core
