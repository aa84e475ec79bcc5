#pragma once
#include "core/nodes/invocation_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Calls to nodes.
class sql_invocation_store final : public core::invocation_store {
  public:
    explicit sql_invocation_store(sql& on) : sql_(on) {}

    std::optional<core::invocation> find(std::string const& invocation_id) const override;
    std::vector<std::string> finished_among(std::vector<std::string> const& invocation_ids) const override;
    std::vector<std::string> devices_with_queued(std::string const& instance_id) const override;
    void insert(core::invocation const& i) override;
    std::optional<core::invocation> lock(std::string const& invocation_id) override;
    void save(core::invocation const& i) override;
    std::vector<core::invocation>
    lock_open_of_device(std::string const& device_id, std::int64_t limit) override;
    std::int64_t requeue(std::string const& device_id, std::int64_t connection_epoch) override;
    std::vector<core::invocation> lock_expired(std::int64_t limit) override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
