#pragma once
// One WebSocket connection: the handshake, then JSON-RPC both ways, subscriptions, and calls to the node
// behind it.
#include "app/dispatch/dispatcher.hpp"
#include "app/dispatch/services.hpp"
#include "app/net/server.hpp"
#include "app/sessions/subscriptions.hpp"
#include "app/sessions/token_watch.hpp"
#include "core/nodes/connect_node.hpp"
#include "core/nodes/node_router.hpp"
#include "core/tokens/token_store.hpp"
#include "protocol/gen/methods/connect.hpp"
#include "protocol/jsonrpc.hpp"
#include "protocol/parse_json.hpp"

#include <map>
#include <memory>
#include <string>

namespace gatehouse::app {

// What all connections of a process share. Loop only.
struct connection_environment {
    services const& all;
    dispatcher& calls;
    core::id_source& ids;
    core::task_group& tasks; // what outlives a connection by a moment: its last transactions
    json_parser& parser;
};

// Lives until the last reply it owes is dropped; net holds it through make_peer_session().
class rpc_connection final : public core::node_link, public std::enable_shared_from_this<rpc_connection> {
  public:
    // `bearer` was found by the text `token_text`, which the proof of `connect` needs once more.
    rpc_connection(
        connection_environment const& env, std::string connection_id, core::token bearer,
        std::string token_text
    );

    void open(net::outbound& out);
    void on_text(std::string_view text);
    void closed();
    void close(std::uint16_t code, std::string text);
    // Closes with 4401 when the token ends, which may be before open().
    void end_with_token(token_watch& tokens);
    bool is_authenticated() const { return state_ == state::connected; }
    std::string const& token_id() const { return bearer_.token_id; }

    void send_invoke(core::invocation const& call) override;
    void send_cancel(std::string const& invocation_id) override;
    void close_replaced() override;
    void on_device_changed() override;

  private:
    enum class state : std::uint8_t { opened, connecting, connected, closed };
    struct batch;

    void offer(std::string_view text);
    void handle(rpc_message const& message, std::shared_ptr<batch> const& group);
    void handle_request(rpc_request const& request, std::shared_ptr<batch> const& group);
    void handle_notification(rpc_request const& request);
    void handle_response(rpc_response const& response);
    void finish_one(batch& group);
    void
    reply(std::optional<rpc_id> const& id, reply_text const& result, std::shared_ptr<batch> const& group);

    void begin_connect(rpc_request const& request);
    result<void> check_connect(protocol::connect::params const& params) const;
    core::task<> connect(std::shared_ptr<rpc_connection> self, rpc_id id, protocol::connect::params params);
    core::task<result<core::node_admission>>
    admit_node(protocol::connect::params const& params, std::string const& minted);
    void finish_connect(
        rpc_id const& id, protocol::connect::params const& params, core::node_admission const& admission,
        std::string const& minted
    );
    void refuse_connect(rpc_id const& id, error const& why, std::uint16_t code);

    core::task<> look_at_device(std::shared_ptr<rpc_connection> self);
    void
    tell_decision(std::string const& pairing_id, std::string_view decision, std::optional<std::string> token);

    connection_environment const& env_;
    net::outbound* out_ = nullptr; // null before open and after closed
    core::token bearer_;
    std::string token_text_; // until connect is done
    std::shared_ptr<token_watch::lease> lease_;
    std::string token_ended_; // why, once it has
    std::string nonce_;
    state state_ = state::opened;
    peer peer_;
    std::shared_ptr<subscriptions> subscriptions_;
    std::int64_t in_flight_ = 0;
    bool came_too_early_ = false; // something before connect: answered, then closed

    // A node's connection.
    std::optional<std::string> device_id_;
    std::string pairing_id_;
    std::int64_t connection_epoch_ = 0; // 0: not admitted yet
    std::int64_t requests_made_ = 0;
    std::map<std::string, std::string> invocations_by_request_;
};

std::unique_ptr<net::peer_session> make_peer_session(std::shared_ptr<rpc_connection> connection);

} // namespace gatehouse::app
