#pragma once
#include "protocol/timestamp.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct token {
    std::string token_id;
    std::string hash; // hex SHA-256 of the token's whole text, which is never stored
    std::string kind; // "admin", "client", "node", "invite"
    std::string principal;
    std::vector<std::string> scopes;
    std::optional<std::string> label;
    std::optional<std::string> device_id; // node, invite: the device it is bound to
    timestamp created_at{};
    std::optional<timestamp> expires_at;
    std::optional<timestamp> revoked_at;
};

class token_store {
  public:
    virtual ~token_store() = default;
    virtual std::optional<token> find(std::string const& token_id) const = 0;
    virtual std::optional<token> find_by_hash(std::string const& hash) const = 0;
    virtual std::vector<token> list(std::optional<std::string> const& after, std::int64_t limit) const = 0;
    virtual bool any_of_kind(std::string const& kind) const = 0;
    // Ids of those that were revoked at or after `since`.
    virtual std::vector<std::string> revoked_since(timestamp since) const = 0;
    virtual void insert(token const& t) = 0;
    virtual void save(token const& t) = 0;
    // Binds an invite to the first device that proves itself with it. False where it is bound to another.
    virtual bool bind_device(std::string const& token_id, std::string const& device_id) = 0;
    // Those of one kind, or all of them.
    virtual std::vector<std::string> revoke_of_device(
        std::string const& device_id, std::optional<std::string> const& kind, timestamp when
    ) = 0;
};

} // namespace gatehouse::core
