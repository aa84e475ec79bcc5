#pragma once
// How a writing transaction begins and ends: its row in `commits` and its events in the log (engine: the
// order of the log is the order of commits; a COMMIT without an answer is decided, never guessed).
#include "core/events/event_log.hpp"
#include "persistence/sql.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::persistence {

// One per writing session; on its thread only.
class commit_protocol {
  public:
    static std::unique_ptr<commit_protocol> make(sql& on);
    virtual ~commit_protocol() = default;

    // How many units go into one transaction.
    virtual std::size_t group_units_max() const = 0;
    // For one unit or for a group of them. Returns the store's time, where the store tells it.
    virtual std::optional<timestamp> begin(std::string const& batch_id, bool for_group) = 0;
    // Writes the events of a unit and returns them with their numbers in the log; or keeps them for the end
    // of the transaction, which numbers them, and returns nothing.
    virtual std::vector<core::logged_event> publish(std::vector<core::event> events) = 0;
    virtual void commit() = 0;
    // Removes rows of `commits` that nobody will ask for, a few at a time. Outside of a transaction.
    virtual void forget_old_batches() = 0;
};

// True: the transaction was committed. False: it was not, and never will be. The session was reopened; may
// throw connection_lost and serialization_retry, then ask again.
bool decide_commit(sql& on, std::string const& batch_id);

} // namespace gatehouse::persistence
