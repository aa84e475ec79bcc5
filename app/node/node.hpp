#pragma once
// The reference node: a device that pairs with a gateway, offers its capabilities and takes calls.
#include "app/client/gateway_connection.hpp"
#include "app/client/retry_delay.hpp"
#include "app/dispatch/contract_schemas.hpp"
#include "app/node/call_desk.hpp"
#include "app/node/call_journal.hpp"
#include "core/execution/task_group.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::app::node {

struct node_options {
    std::string websocket_url;
    std::string root; // what files.* sees, and where programs start
    std::string label;
    std::filesystem::path data; // key, token, journal
    std::optional<std::string> invite;
    net::tls_options tls;
};

// What the node tells whoever started it.
struct node_event {
    enum class kind { pending, online, offline };
    kind what;
    std::string device_id;
    std::string pairing_id; // of pending
    std::string message;    // a sentence: of offline, why and what comes next
};

// Loop only. Holds the lock of its data directory as long as it lives.
class node {
  public:
    // Reads or makes what stands in `data`. Throws std::runtime_error with a sentence: a directory another
    // node works in, a damaged journal, a key others can read, no token and no invite.
    node(
        net::io_loop& loop, core::clock const& time, core::random_source& random, node_options options,
        std::function<void(node_event const&)> on_event
    );
    ~node();
    node(node const&) = delete;
    node& operator=(node const&) = delete;

    // Connects, works and reconnects until `stop` or until the gateway doesn't want it: then a sentence that
    // says why.
    core::task<std::expected<void, std::string>> run(core::cancellation& stop);

    std::string const& device_id() const { return device_id_; }

  private:
    class session;

    client::connect_options make_connect_options() const;
    core::task<client::connection_end> work_on(
        client::gateway_connection& connection, core::cancellation& stop, std::optional<std::string>& refused
    );
    std::optional<std::string> accept_refusal(client::connection_end const& end);
    core::task<> pause(std::chrono::milliseconds time, core::cancellation& stop);
    result<void> keep_token(std::string const& token);
    void tell(node_event::kind what, std::string pairing_id, std::string message) const;

    net::io_loop& loop_;
    node_options options_;
    std::function<void(node_event const&)> on_event_;
    int lock_ = -1;
    std::optional<device_key> key_;
    std::string device_id_;
    std::optional<std::string> token_; // the node token; nothing: the invite is used
    client::retry_delay delay_;
    contract_schemas contract_;
    std::optional<call_journal> journal_;
    std::optional<call_desk> desk_;
    core::task_group calls_;
    session* session_ = nullptr; // the connection that stands now
    std::uint64_t sessions_ = 0; // so far
};

} // namespace gatehouse::app::node
