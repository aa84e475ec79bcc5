#pragma once
// The log of events: the only way out. Its order is the order of commits (engine.md 4).
#include "core/runs/run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::core {

struct event {
    std::string event_id; // ULID
    std::string topic;    // the most specific one: "run:<id>", "session:<id>", or its class
    std::string category; // the class a broad topic matches: "runs", "approvals", "pairings", "nodes",
                          // "triggers", "presence", "audit"
    std::optional<std::string> session_id;
    std::optional<std::string> principal; // who owns it; absent: shared
    std::string type;                     // "run.state_changed"
    timestamp occurred_at{};
    json_text payload;
};

struct logged_event {
    std::int64_t seq = 0;
    event value;
};

struct log_epoch {
    std::int64_t epoch = 1;
    std::int64_t first_seq = 1;
};

class event_log {
  public:
    virtual ~event_log() = default;
    // One page behind `after`, the oldest seq that is still kept and the newest epoch, read in the same
    // statement.
    struct page {
        std::vector<logged_event> events;
        std::int64_t oldest_seq = 1;
        log_epoch epoch;
    };
    virtual page read(std::int64_t after, std::int64_t limit) const = 0;
    // The newest seq; 0 in an empty log.
    virtual std::int64_t head() const = 0;
    virtual log_epoch current_epoch() const = 0;
    virtual std::vector<log_epoch> epochs() const = 0;
};

} // namespace gatehouse::core
