#pragma once
// The messages that came over channels, so that one that is delivered twice is one.
#include "core/runs/run.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

struct routed_message {
    std::string principal;
    std::string channel;
    std::string message_id; // the channel's own; the three are the key
    std::string session_id;
    std::string run_id;
    std::optional<std::string> blocked_by_run;
    std::optional<std::string> blocked_by_approval;
    timestamp received_at{};
};

class routed_message_store {
  public:
    virtual ~routed_message_store() = default;
    // Takes the message for this transaction, waiting for one that has it. Nothing: it is new, and save()
    // must follow. Else what came of the first one.
    virtual std::optional<routed_message> insert_or_find(routed_message const& m) = 0;
    // What came of it: session, run and what blocks that.
    virtual void save(routed_message const& m) = 0;
    // Deletes up to `limit` rows received before `before`; how many.
    virtual std::int64_t remove_before(timestamp before, std::int64_t limit) = 0;
};

} // namespace gatehouse::core
