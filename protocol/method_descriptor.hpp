#pragma once
// What the contract says of a message besides its params and result. One constant per method, generated.
#include "protocol/gen/types/scope.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::protocol {

enum class method_direction : std::uint8_t {
    peer_to_gateway,
    node_to_gateway,
    gateway_to_node,
    gateway_to_peer
};
enum class message_kind : std::uint8_t { request, notification };

struct method_descriptor {
    std::string_view name;
    method_direction direction;
    message_kind kind;
    std::optional<scope> required_scope; // nothing: any authenticated peer of a fitting role
    bool mutating;                       // takes an idempotency_key
    bool for_clients;
    bool for_nodes;
    bool over_ws;
    bool over_http;
    std::string_view
        params_schema_uri; // "gatehouse:/methods/run.start.json#/params", among bundled_schemas()
    std::string_view result_schema_uri; // empty for notifications
};

} // namespace gatehouse::protocol
