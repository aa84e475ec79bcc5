#pragma once
// What the connections of one server share.
#include "app/net/address_budget.hpp"
#include "app/net/host_policy.hpp"
#include "app/net/io_loop.hpp"
#include "app/net/server.hpp"
#include "core/execution/wakeup.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace gatehouse::app::net {

class connection;

// Loop only. Shared by the server and its connections; the last of them takes it along.
class server_state : public std::enable_shared_from_this<server_state> {
  public:
    // `port`: the one that is really listened on.
    server_state(io_loop& on, server_options from, application_port& port_of_app, std::uint16_t port);

    io_loop& loop;
    server_options const options;
    application_port& app;
    host_policy const hosts;
    address_budget unauthenticated;
    bool stopping = false;
    bool frozen = false;
    // Bytes of request bodies that are held at the moment, of all connections.
    std::size_t body_bytes = 0;
    // Where every socket of this loop reads to. Valid until the next read, so within one handler.
    std::array<char, 64 * 1024> scratch;
    // Notified when a connection has gone.
    core::wakeup one_gone;

    std::uint64_t next_connection_id() noexcept { return ++last_connection_id_; }
    void remember(connection& each);
    void forget(connection& each);
    server::counts counts() const;
    bool has_connections() const noexcept { return !alive_.empty(); }
    // Those that are alive now, held so that each of them may go while the caller walks through them.
    std::vector<std::shared_ptr<connection>> connections() const;

    // Calls flush() of that connection at the end of this turn. The caller sees to it that it asks once a
    // turn.
    void flush_at_end_of_turn(std::shared_ptr<connection> dirty);

  private:
    std::unordered_set<connection*> alive_;
    std::size_t websockets_ = 0;
    std::uint64_t last_connection_id_ = 0;
    std::vector<std::shared_ptr<connection>> dirty_;
    std::vector<std::shared_ptr<connection>> flushing_; // dirty_ of the turn that ends; kept for its capacity
};

} // namespace gatehouse::app::net
