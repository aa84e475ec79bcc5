#pragma once
// A client that wants every event: it subscribes somewhere, loses its connection, and resumes elsewhere from
// the last cursor it has read.
#include "core/events/event_relay.hpp"
#include "tests/simulation/simulated_instance.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::simulation {

class simulated_subscriber {
  public:
    simulated_subscriber(
        schedule& in, simulated_loop& outside, std::function<simulated_instance*()> choose_instance
    )
        : schedule_(in), outside_(outside), choose_instance_(std::move(choose_instance)) {
        connect_soon();
    }

    // The connection ends where it is to this instance, or to any.
    void lose_connection(simulated_instance const* to = nullptr);

    // The ids of the events, in the order they were read.
    std::vector<std::string> const& heard() const { return heard_; }
    // Where it began to listen, and how far it has read; nothing before it was let in.
    std::optional<core::cursor> const& began_at() const { return began_at_; }
    std::optional<core::cursor> const& cursor() const { return cursor_; }
    bool has_expired() const { return has_expired_; }

  private:
    // What one connection brings. Kept to the end of the world: the relay may hold on to it.
    class connection;

    void connect_soon();
    static core::task<> subscribe(std::shared_ptr<connection> mine, std::optional<std::string> after);

    schedule& schedule_;
    simulated_loop& outside_;
    std::function<simulated_instance*()> choose_instance_;
    std::vector<std::shared_ptr<connection>> connections_;
    std::vector<std::string> heard_;
    std::optional<core::cursor> began_at_;
    std::optional<core::cursor> cursor_;
    bool has_expired_ = false;
    bool connecting_ = false;
};

} // namespace gatehouse::simulation
