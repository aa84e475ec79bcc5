#pragma once
#include "core/events/event_relay.hpp"

#include <optional>
#include <string>

namespace gatehouse::app {

// A connection that can hold subscriptions, as handlers see it. Loop only; outlives the connection, and then
// takes no more.
class subscriber {
  public:
    virtual ~subscriber() = default;
    // The id of the new subscription, whose notifications begin after this turn of the loop; nothing where
    // the peer has gone or has too many.
    virtual std::optional<std::string> subscribe_events(core::event_filter filter, core::cursor from) = 0;
    virtual std::optional<std::string> subscribe_tape(std::string run_id, std::int64_t after_seq) = 0;
    // False where there is none with that id.
    virtual bool unsubscribe(std::string const& subscription_id) = 0;
};

} // namespace gatehouse::app
