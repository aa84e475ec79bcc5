#pragma once
// How a device proves in `connect` that it holds its key: an Ed25519 signature over the challenge, the role
// and the token, so that a proof is good for one connection to one gateway and for nothing else. Any thread.
#include "protocol/error.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

using device_public_key = std::array<std::byte, 32>;

// "dev_" + base32(sha256(key)): 56 characters.
std::string device_id_of(device_public_key const& key);

// From base64url. Nothing for a wrong length, for a second encoding of the same point, and for the points of
// small order, for which anybody can make signatures. Whether it is a point at all shows when a signature is
// verified.
std::optional<device_public_key> parse_device_public_key(std::string_view base64url);

// What is signed, all of it known to both sides. None of it may contain a line feed.
struct connect_claims {
    std::string_view gateway_id;
    std::string_view role; // "client" or "node"
    std::string_view device_id;
    std::string_view nonce; // as it stood in connect.challenge
    std::string_view token; // the text of the presented token
};

// "gatehouse-connect-v1", gateway_id, role, device id, nonce and the token's hash, each line ended by "\n".
std::string connect_proof_text(connect_claims const& claims);

// Takes the members of `connect` as they came. `claims.device_id` is the id that the device gave; it must be
// that of its key. Fails with `unauthenticated` and the member that is wrong.
result<device_public_key>
verify_connect_proof(std::string_view public_key, std::string_view proof, connect_claims const& claims);

} // namespace gatehouse
