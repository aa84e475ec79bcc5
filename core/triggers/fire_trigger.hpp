#pragma once
// Firing: a slot's row, its run and what comes next are one transaction. Database thread.
#include "core/runs/change_run.hpp"
#include "core/runs/run_settings.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace gatehouse::core {

// What fires a trigger.
struct due_slot {
    std::string name; // the slot's
    timestamp due_at{};
    std::optional<boost::json::object> hook; // {"content_type", "body"}: goes into the run's input
};

// Starts the trigger's run with its maker's rights, or records why it could not be started: state failed.
// Nothing: the slot has its row already, and nothing happens.
std::optional<trigger_firing>
fire_slot(transaction& tx, trigger const& t, due_slot slot, run_settings const& settings);

// When schedulers watched, by the database's clock.
struct watch {
    timestamp since{}; // from here on one was awake without a break: what is due since is late, not missed
    timestamp now{};
};

// Deals with the slots of a due trigger that have come. Those that are late fire, in their order. Those that
// passed while no scheduler was awake are missed; but with `run_once` the newest of all fires. wrong_state:
// the trigger changed meanwhile, or somebody else dealt with them; nothing must be committed then.
result<void>
fire_due(transaction& tx, trigger const& seen, watch const& watched, run_settings const& settings);

// Fires now, whatever the trigger's times say; the slot is this instant. wrong_state: the run cannot be
// started, and nothing must be committed.
result<trigger_firing>
fire_by_hand(transaction& tx, std::string const& name, actor const& who, run_settings const& settings);

} // namespace gatehouse::core
