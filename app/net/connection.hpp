#pragma once
// One accepted socket, whatever it speaks at the moment, as the server sees it.
#include "app/net/server_state.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace gatehouse::app::net {

// Loop only. Held alive by its own pending operations alone: it dies when the last of them has ended, and the
// server counts that. It registers itself with the server from start to end.
class connection : public std::enable_shared_from_this<connection> {
  public:
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    virtual ~connection() { state_->forget(*this); }

    std::uint64_t id() const noexcept { return id_; }
    bool is_websocket() const noexcept { return is_websocket_; }

    // Called a few times within the shortest time-out: acts on every deadline that has passed.
    virtual void check_deadlines(core::steady_time now) = 0;
    // The server stops: end in order.
    virtual void begin_stop() = 0;
    // Close the socket now, whatever is under way.
    virtual void cut() = 0;
    // Writes what was queued in this turn, as asked for by server_state::flush_at_end_of_turn.
    virtual void flush() {}
    // server::freeze() changed; the new value is in the state.
    virtual void on_freeze_changed() {}

  protected:
    connection(std::shared_ptr<server_state> state, std::uint64_t id, bool is_websocket)
        : state_(std::move(state)), id_(id), is_websocket_(is_websocket) {
        state_->remember(*this);
    }

    server_state& server() noexcept { return *state_; }
    std::shared_ptr<server_state> const& shared_server() const noexcept { return state_; }

  private:
    std::shared_ptr<server_state> state_;
    std::uint64_t id_;
    bool is_websocket_;
};

} // namespace gatehouse::app::net
