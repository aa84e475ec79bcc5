#pragma once
#include "core/runs/run.hpp"
#include "protocol/gen/types/firing_state.hpp"
#include "protocol/gen/types/missed_policy.hpp"
#include "protocol/gen/types/trigger_kind.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

using protocol::firing_state;
using protocol::missed_policy;
using protocol::trigger_kind;

struct trigger {
    std::string trigger_id;
    std::string name; // unique among all principals: a hook is addressed by it alone
    std::string principal;
    trigger_kind kind = trigger_kind::interval;
    std::optional<std::string> cron;
    std::optional<std::string> time_zone;
    std::optional<std::int64_t> every_ms;
    std::optional<std::string> session_key;
    std::optional<std::string> agent;
    json_text input; // {"text", "attachments"?}
    bool enabled = true;
    missed_policy missed = missed_policy::skip;
    std::optional<std::string> secret; // of a hook; never leaves the store but to check a signature
    std::int64_t revision = 1;
    // The slot that comes next; empty: none.
    std::optional<timestamp> next_fire_at;
    timestamp created_at{};
    timestamp updated_at{};
};

// A slot and what became of it. One row a slot, so it fires once.
struct trigger_firing {
    std::string trigger_id;
    std::string slot; // the instant as text, or a webhook's nonce
    timestamp due_at{};
    firing_state state = firing_state::fired;
    std::optional<timestamp> fired_at;
    std::optional<std::string> run_id;
    std::optional<std::string> reason; // why it was missed or failed
};

struct trigger_filter {
    std::optional<std::string> principal; // empty: everybody's
    std::optional<std::string> after;     // name
    std::int64_t limit = 100;
};

class trigger_store {
  public:
    virtual ~trigger_store() = default;
    virtual std::optional<trigger> find(std::string const& name) const = 0;
    // By name.
    virtual std::vector<trigger> list(trigger_filter const& filter) const = 0;
    // Those whose next slot has come by the database's clock, the earliest first.
    virtual std::vector<trigger> due(std::int64_t limit) const = 0;
    // Until the earliest next slot, by the database's clock; negative where one is due.
    virtual std::optional<std::chrono::milliseconds> time_to_next() const = 0;

    // Keeps the row locked to the end of the transaction.
    virtual std::optional<trigger> lock(std::string const& name) = 0;
    // False: another writer made one of this name first.
    virtual bool insert_if_new(trigger const& t) = 0;
    // All but id, name, principal and the time it was made. The caller holds the row's lock.
    virtual void save(trigger const& t) = 0;
    virtual void remove(std::string const& trigger_id) = 0;
    // Leaves the slot `seen` stands at. False: it was changed, or somebody else left that slot.
    virtual bool move_on(trigger const& seen, std::optional<timestamp> next_fire_at) = 0;

    // False: the slot has its row already. Waits for a transaction that writes the same.
    virtual bool insert_firing_if_new(trigger_firing const& f) = 0;
    virtual void save_firing(trigger_firing const& f) = 0;
    virtual std::optional<trigger_firing>
    find_firing(std::string const& trigger_id, std::string const& slot) const = 0;
    // Newest first, from behind the slot `after`.
    virtual std::vector<trigger_firing> firings(
        std::string const& trigger_id, std::optional<std::string> const& after, std::int64_t limit
    ) const = 0;
};

} // namespace gatehouse::core
