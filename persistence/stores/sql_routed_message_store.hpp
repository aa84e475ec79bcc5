#pragma once
#include "core/channels/routed_message_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// The messages that came over channels, and what became of each.
class sql_routed_message_store final : public core::routed_message_store {
  public:
    explicit sql_routed_message_store(sql& on) : sql_(on) {}

    std::optional<core::routed_message> insert_or_find(core::routed_message const& m) override;
    void save(core::routed_message const& m) override;
    std::int64_t remove_before(timestamp before, std::int64_t limit) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
