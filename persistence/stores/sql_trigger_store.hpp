#pragma once
#include "core/triggers/trigger_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Triggers by name, and their slots.
class sql_trigger_store final : public core::trigger_store {
  public:
    explicit sql_trigger_store(sql& on) : sql_(on) {}

    std::optional<core::trigger> find(std::string const& name) const override;
    std::vector<core::trigger> list(core::trigger_filter const& filter) const override;
    std::vector<core::trigger> due(std::int64_t limit) const override;
    std::optional<std::chrono::milliseconds> time_to_next() const override;
    std::optional<core::trigger> lock(std::string const& name) override;
    bool insert_if_new(core::trigger const& t) override;
    void save(core::trigger const& t) override;
    void remove(std::string const& trigger_id) override;
    bool move_on(core::trigger const& seen, std::optional<timestamp> next_fire_at) override;
    bool insert_firing_if_new(core::trigger_firing const& f) override;
    void save_firing(core::trigger_firing const& f) override;
    std::optional<core::trigger_firing>
    find_firing(std::string const& trigger_id, std::string const& slot) const override;
    std::vector<core::trigger_firing> firings(
        std::string const& trigger_id, std::optional<std::string> const& after, std::int64_t limit
    ) const override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
