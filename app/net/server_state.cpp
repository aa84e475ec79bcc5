#include "app/net/server_state.hpp"

#include "app/net/connection.hpp"

#include <utility>

namespace gatehouse::app::net {

server_state::server_state(
    io_loop& on, server_options from, application_port& port_of_app, std::uint16_t port
)
    : loop(on),
      options(std::move(from)),
      app(port_of_app),
      hosts(options, port),
      unauthenticated(options.unauthenticated_per_address_max, options.unauthenticated_max),
      one_gone(on) {}

void server_state::remember(connection& each) {
    alive_.insert(&each);
    if (each.is_websocket()) ++websockets_;
}

void server_state::forget(connection& each) {
    alive_.erase(&each);
    if (each.is_websocket()) --websockets_;
    one_gone.notify();
}

server::counts server_state::counts() const {
    return {
        .http = alive_.size() - websockets_,
        .websocket = websockets_,
        .unauthenticated = unauthenticated.taken()
    };
}

std::vector<std::shared_ptr<connection>> server_state::connections() const {
    std::vector<std::shared_ptr<connection>> held;
    held.reserve(alive_.size());
    for (auto* each : alive_) {
        if (auto one = each->weak_from_this().lock()) held.push_back(std::move(one));
    }
    return held;
}

void server_state::flush_at_end_of_turn(std::shared_ptr<connection> dirty) {
    dirty_.push_back(std::move(dirty));
    if (dirty_.size() > 1) return;
    loop.at_end_of_turn([self = shared_from_this()] {
        self->flushing_.swap(self->dirty_);
        for (auto const& each : self->flushing_) each->flush();
        self->flushing_.clear();
    });
}

} // namespace gatehouse::app::net
