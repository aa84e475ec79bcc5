#pragma once
#include "core/nodes/node_store.hpp"
#include "persistence/sql.hpp"

#include <map>
#include <memory>

namespace gatehouse::persistence {

// Devices and their pairings.
class sql_node_store final : public core::node_store {
  public:
    explicit sql_node_store(sql& on) : sql_(on) {}

    std::optional<core::node> find(std::string const& device_id) const override;
    std::optional<core::node> find_by_name(std::string const& name) const override;
    std::vector<core::node> list(std::optional<std::string> const& after, std::int64_t limit) const override;
    std::shared_ptr<core::advertisement const> advertised_by(core::node const& n) const override;
    std::vector<std::string>
    taken_from(std::string const& instance_id, std::vector<std::string> const& device_ids) const override;
    void put(core::node const& n) override;
    std::optional<core::node> lock(std::string const& device_id) override;
    std::vector<std::string> disconnect_all_of(std::string const& instance_id) override;
    std::optional<core::pairing> find_pairing(std::string const& pairing_id) const override;
    std::optional<core::pairing> lock_pairing(std::string const& pairing_id) override;
    std::optional<core::pairing> newest_pairing_of(std::string const& device_id) const override;
    std::vector<core::pairing> list_pairings(
        std::optional<std::string> const& state, std::optional<std::string> const& after, std::int64_t limit
    ) const override;
    std::vector<std::string> decided_among(std::vector<std::string> const& device_ids) const override;
    void put_pairing(core::pairing const& p) override;
    std::vector<core::pairing> lock_expired_pairings(std::int64_t limit) override;

  private:
    sql& sql_;
    // By device id, a limited number. Whoever uses one is told of changes by the text in the row.
    mutable std::map<std::string, std::shared_ptr<core::advertisement const>> advertisements_;
};

} // namespace gatehouse::persistence
