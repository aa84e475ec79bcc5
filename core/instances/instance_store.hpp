#pragma once
// The processes on this store. A process has one lease; runs, connections and the scheduler point at it
// (engine.md 2).
#include "core/runs/run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct instance {
    std::string instance_id; // new with each start
    std::string incarnation; // of the data directory: the same for all starts on it
    std::vector<std::string> roles;
    std::string version;
    std::string address;
    std::int64_t lease_ms = 0;
    std::int64_t slots = 0; // runs it may work on at once; 0: it is no worker
    timestamp started_at{};
    timestamp heartbeat_at{};
};

class instance_store {
  public:
    virtual ~instance_store() = default;
    virtual std::vector<instance> list() const = 0;
    // heartbeat_at is the database's clock. Where the database can, the session that runs this or the next
    // takes a lock that goes with the process.
    virtual void insert(instance const& i) = 0;
    // False: this process was declared dead and must begin anew.
    virtual bool heartbeat(std::string const& instance_id) = 0;
    virtual void remove(std::string const& instance_id) = 0;
    // Other starts of the same data directory: their process is dead, since this one holds the directory's
    // lock.
    virtual std::vector<instance>
    predecessors(std::string const& incarnation, std::string const& instance_id) const = 0;
    // Others whose heartbeat is older than their lease, by the database's clock, and those without a
    // heartbeat for a second whose lock is free. Nobody while the server or this session is younger than a
    // lease: after an outage the healthy must come back first.
    virtual bool any_lapsed(std::string const& but) const = 0;
    virtual std::vector<instance> lock_lapsed(std::string const& but) = 0;
};

// Facts of the store itself.
class meta_store {
  public:
    virtual ~meta_store() = default;
    virtual std::optional<std::string> get(std::string const& key) const = 0;
    // Keeps the first value: what stands there afterwards.
    virtual std::string put_if_absent(std::string const& key, std::string const& value) = 0;
};

} // namespace gatehouse::core
