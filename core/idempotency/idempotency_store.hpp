#pragma once
#include "core/runs/run.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

struct idempotency_key {
    std::string principal;
    std::string method;
    std::string key;
};

class idempotency_store {
  public:
    virtual ~idempotency_store() = default;
    struct stored {
        std::string request_hash;
        json_text reply; // empty while it is being made in this very transaction
    };
    // Claims the key for this transaction, waiting for one that holds it. Nothing: it is ours. Else what is
    // stored there, which nobody else changes before this transaction ends.
    virtual std::optional<stored>
    insert_or_find(idempotency_key const& key, std::string const& request_hash, timestamp now) = 0;
    virtual void set_reply(idempotency_key const& key, json_text const& reply) = 0;
    // Gives a key back that this transaction claimed.
    virtual void remove(idempotency_key const& key) = 0;
    // Deletes up to `limit` rows made before `before`; how many.
    virtual std::int64_t remove_before(timestamp before, std::int64_t limit) = 0;
};

} // namespace gatehouse::core
