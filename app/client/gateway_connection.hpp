#pragma once
// A connection to a gateway as a peer: the handshake of the contract, requests in both directions,
// notifications. What the terminal chat and the reference node are built on.
#include "app/net/ws_client.hpp"
#include "core/execution/wakeup.hpp"
#include "protocol/device_key.hpp"
#include "protocol/error.hpp"
#include "protocol/gen/methods/connect.hpp"
#include "protocol/jsonrpc.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse::app::client {

struct connect_options {
    std::string websocket_url; // gateway_address::websocket
    std::string token;
    net::tls_options tls;
    std::chrono::milliseconds connect_timeout{10'000}; // up to the answer of `connect`
    std::size_t message_bytes_max = 16 << 20;
    // What goes into `connect`. With a key, device.id, device.public_key and the proof are made of it.
    protocol::peer_role role = protocol::peer_role::client;
    device_key const* key = nullptr;
    protocol::device device;
    std::optional<std::vector<protocol::capability>> capabilities;
};

// Why there is no connection, or none any more.
struct connection_end {
    enum class kind {
        unreachable, // try again later
        refused,     // the gateway is there and doesn't want this peer: a retry brings nothing
        stopped,     // this side was told to stop
    };
    kind what = kind::unreachable;
    int close_code = 0;  // where it was a close frame
    int http_status = 0; // where the upgrade was refused
    std::string message; // a sentence
};

// What the gateway says without being asked. Called on the loop, from gateway_connection::run(); must not
// block.
class connection_listener {
  public:
    virtual ~connection_listener() = default;
    virtual void on_notification(std::string_view method, boost::json::object const& params) = 0;
    // To be answered with reply() or refuse(), now or later.
    virtual void on_request(rpc_id id, std::string_view method, boost::json::object const& params) = 0;
};

// Loop only. After the last use `co_await end()`; only then may it be destroyed.
class gateway_connection {
  public:
    static core::task<std::expected<std::unique_ptr<gateway_connection>, connection_end>>
    open(net::io_loop& loop, connect_options options, core::cancellation& stop);
    ~gateway_connection();

    protocol::connect::reply const& welcome() const { return welcome_; }

    // Reads and hands out what comes, until the connection ends. Requests of call() get their answers only
    // while it runs. `stop` closes the connection with 1000.
    core::task<connection_end> run(connection_listener& listener, core::cancellation& stop);

    // Asks the gateway. Fails with `unavailable` where the connection ends first, `deadline_exceeded` after
    // `timeout`.
    core::task<result<boost::json::value>>
    call(std::string_view method, std::string_view params_json, std::chrono::milliseconds timeout);

    // False where it wasn't taken: the connection is ending, or too much is queued.
    bool reply(rpc_id const& id, std::string_view result_json);
    bool refuse(rpc_id const& id, error const& why);
    bool notify(std::string_view method, std::string_view params_json);

    void close(net::close_reason why) { socket_->close(std::move(why)); }
    core::task<> end();

  private:
    struct waiting_call;

    gateway_connection(net::io_loop& loop, std::unique_ptr<net::ws_client> socket);
    core::task<std::expected<void, connection_end>>
    shake_hands(connect_options const& options, core::cancellation& stop);
    void take_message(std::string_view text, connection_listener& listener);
    void take_response(rpc_response const& response);

    net::io_loop& loop_;
    std::unique_ptr<net::ws_client> socket_;
    protocol::connect::reply welcome_;
    std::int64_t last_id_ = 0;
    std::unordered_map<std::int64_t, std::shared_ptr<waiting_call>> waiting_;
    bool ended_ = false;
};

} // namespace gatehouse::app::client
