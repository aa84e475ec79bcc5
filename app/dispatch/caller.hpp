#pragma once
// Who calls, over what, and under which idempotency key. Made by the transport, read by handlers.
#include "core/runs/change_run.hpp"
#include "protocol/gen/types/peer_role.hpp"
#include "protocol/gen/types/scope.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// A small set of scopes. `admin` includes all.
class scope_set {
  public:
    void add(protocol::scope s) { bits_ |= 1u << static_cast<unsigned>(s); }
    bool has(protocol::scope s) const { return (bits_ & (1u << static_cast<unsigned>(s))) || is_admin(); }
    bool is_admin() const { return bits_ & (1u << static_cast<unsigned>(protocol::scope::admin)); }

  private:
    unsigned bits_ = 0;
};

class subscriber; // app/sessions/subscriber.hpp: a connection that can hold subscriptions

// Lives as long as the connection, or the HTTP request.
struct peer {
    std::string connection_id;
    std::string principal;
    std::string token_id;
    std::string token_kind;
    scope_set scopes;
    protocol::peer_role role = protocol::peer_role::client;
    std::optional<std::string> device_id;
    std::shared_ptr<subscriber> subscriptions; // null over HTTP
};

// One call. Copied into the units it starts, so it owns what it says.
struct caller {
    std::string principal;
    std::string token_id;
    scope_set scopes;
    std::string connection_id;
    std::optional<std::string> device_id;
    std::shared_ptr<subscriber> subscriptions;

    std::string_view method; // the descriptor's, static
    std::optional<std::string> idempotency_key;
    std::string request_hash; // hex SHA-256 of the canonical params without idempotency_key and _meta; set
                              // with the key
    std::optional<std::string> trace_parent;

    bool sees_all() const { return scopes.is_admin(); }
    core::actor actor() const { return {principal, sees_all()}; }
};

} // namespace gatehouse::app
