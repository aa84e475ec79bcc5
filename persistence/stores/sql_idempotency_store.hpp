#pragma once
#include "core/idempotency/idempotency_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Keys of calls that must have one effect, and their replies.
class sql_idempotency_store final : public core::idempotency_store {
  public:
    explicit sql_idempotency_store(sql& on) : sql_(on) {}

    std::optional<stored>
    insert_or_find(core::idempotency_key const& key, std::string const& request_hash, timestamp now) override;
    void set_reply(core::idempotency_key const& key, core::json_text const& reply) override;
    void remove(core::idempotency_key const& key) override;
    std::int64_t remove_before(timestamp before, std::int64_t limit) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
