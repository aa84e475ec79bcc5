#include "app/net/server.hpp"

#include "app/net/connection.hpp"
#include "app/net/http_connection.hpp"
#include "app/net/server_state.hpp"
#include "app/net/socket.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace gatehouse::app::net {

namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr int backlog = 4096;
// When the process has no file descriptor left, accepting again at once would only fail again.
constexpr milliseconds accept_pause{100};
// After the deadline of stop() every socket is closed; their handlers still have to run.
constexpr milliseconds cut_patience{1'000};

// An IPv4 address that comes in the clothes of IPv6 counts as what it is.
std::string address_text(ip::address const& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

ip::tcp::endpoint endpoint_of(server_options const& options) {
    std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
    error_code failure;
    auto address = ip::make_address(host, failure);
    if (failure) {
        throw std::runtime_error(fmt::format(
            "The listen address \"{}\" is not an IP address; write for example 127.0.0.1:{}.", options.host,
            options.port
        ));
    }
    return {address, options.port};
}

tcp_acceptor bind(io_loop& loop, server_options const& options) {
    auto endpoint = endpoint_of(options);
    tcp_acceptor acceptor(loop.internals().io.get_executor());
    error_code failure;
    acceptor.open(endpoint.protocol(), failure);
    if (!failure) acceptor.set_option(tcp_acceptor::reuse_address(true), failure);
    if (!failure) acceptor.bind(endpoint, failure);
    if (!failure) acceptor.listen(backlog, failure);
    if (!failure) acceptor.non_blocking(true, failure);
    if (!failure) return acceptor;
    auto what = fmt::format("{}:{}", options.host, options.port);
    if (failure == boost::asio::error::address_in_use) {
        throw std::runtime_error(fmt::format(
            "Another process listens on {} already; stop it, or choose another address with --listen.", what
        ));
    }
    throw std::runtime_error(
        fmt::format("Cannot listen on {}: {}; choose another address with --listen.", what, failure.message())
    );
}

// The acceptor and the one timer that looks after all deadlines. Lives until its handlers have ended.
class listener : public std::enable_shared_from_this<listener> {
  public:
    listener(io_loop& loop, server_options options, application_port& app)
        : acceptor_(bind(loop, options)),
          endpoint_(acceptor_.local_endpoint()),
          state_(std::make_shared<server_state>(loop, std::move(options), app, endpoint_.port())) {}

    server_state& state() noexcept { return *state_; }
    ip::tcp::endpoint const& endpoint() const noexcept { return endpoint_; }

    void start() {
        accept_next();
        look_after_deadlines();
    }

    void stop_accepting() {
        error_code ignored;
        acceptor_.close(ignored);
    }

    void stop_looking() {
        if (look_) state_->loop.stop_timer(*look_);
        look_.reset();
    }

  private:
    void accept_next();
    void take(tcp_socket socket, ip::tcp::endpoint const& peer);
    void look_after_deadlines();

    tcp_acceptor acceptor_;
    ip::tcp::endpoint endpoint_;
    std::shared_ptr<server_state> state_;
    std::optional<core::loop::timer_id> look_;
    ip::tcp::endpoint peer_;
};

void listener::accept_next() {
    if (!acceptor_.is_open()) return;
    acceptor_.async_accept(peer_, [self = shared_from_this()](error_code failure, tcp_socket socket) {
        if (!failure) {
            self->take(std::move(socket), self->peer_);
            return self->accept_next();
        }
        if (failure == boost::asio::error::operation_aborted) return;
        spdlog::warn("accepting a connection failed: {}", failure.message());
        auto& loop = self->state_->loop;
        loop.start_timer(loop.now() + accept_pause, [self] { self->accept_next(); });
    });
}

void listener::take(tcp_socket socket, ip::tcp::endpoint const& peer) {
    auto address = address_text(peer.address());
    auto& options = state_->options;
    bool is_proxy = options.trusted_proxy && address == *options.trusted_proxy;
    auto place =
        is_proxy ? state_->unauthenticated.take_for_proxy(address) : state_->unauthenticated.take(address);
    if (!place) {
        spdlog::debug("a connection of {} is closed: too many of them have shown no token yet", address);
        state_->app.on_refused(0, address, 0, "too many connections that have shown no token");
        return;
    }
    error_code failure;
    socket.non_blocking(true, failure);
    if (!failure) serve_http({state_, std::move(socket), std::move(address), std::move(place)});
}

// Four looks within the shortest time-out: no deadline is missed by more than a quarter of itself.
void listener::look_after_deadlines() {
    auto const& options = state_->options;
    auto shortest =
        std::min({options.heartbeat, options.handshake_timeout, options.request_timeout, milliseconds(2'000)}
        );
    auto period = std::max(shortest / 4, milliseconds(1));
    look_ = state_->loop.start_timer(state_->loop.now() + period, [self = shared_from_this()] {
        auto now = self->state_->loop.now();
        for (auto const& each : self->state_->connections()) each->check_deadlines(now);
        self->look_after_deadlines();
    });
}

class tcp_server final : public server {
  public:
    explicit tcp_server(std::shared_ptr<listener> on) : listener_(std::move(on)) {}

    ~tcp_server() override {
        listener_->stop_accepting();
        listener_->stop_looking();
        cut_all();
    }

    std::string address() const override {
        auto const& at = listener_->endpoint();
        auto text = at.address().to_string();
        return fmt::format("{}:{}", at.address().is_v6() ? "[" + text + "]" : text, at.port());
    }

    void start() override { listener_->start(); }

    counts connections() const override { return state().counts(); }

    void freeze(bool on) override {
        if (std::exchange(state().frozen, on) == on) return;
        for (auto const& each : state().connections()) each->on_freeze_changed();
    }

    core::task<> stop(core::steady_time deadline) override {
        auto held = listener_;
        auto& shared = held->state();
        shared.stopping = true;
        held->stop_accepting();
        for (auto const& each : shared.connections()) each->begin_stop();
        co_await wait_for_all_to_go(shared, deadline);
        for (auto const& each : shared.connections()) each->cut();
        co_await wait_for_all_to_go(shared, shared.loop.now() + cut_patience);
        held->stop_looking();
    }

  private:
    static core::task<> wait_for_all_to_go(server_state& shared, core::steady_time deadline) {
        while (shared.has_connections() && co_await shared.one_gone.wait_until(deadline)) {
        }
    }

    void cut_all() {
        for (auto const& each : state().connections()) each->cut();
    }

    server_state& state() const noexcept { return listener_->state(); }

    std::shared_ptr<listener> listener_;
};

} // namespace

std::unique_ptr<server> make_server(io_loop& loop, server_options options, application_port& app) {
    return std::make_unique<tcp_server>(std::make_shared<listener>(loop, std::move(options), app));
}

} // namespace gatehouse::app::net
