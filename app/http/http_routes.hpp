#pragma once
// Everything that is asked for over HTTP, and the decision about an upgrade to WebSocket.
#include "app/dispatch/dispatcher.hpp"
#include "app/dispatch/services.hpp"
#include "app/net/server.hpp"
#include "app/sessions/authenticator.hpp"
#include "app/sessions/rpc_connection.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gatehouse::app {

// An error as an HTTP answer: application/problem+json, with the headers its status asks for.
// `status`: where HTTP has a closer one than the error's own.
net::http_response problem_response(error const& why, std::optional<int> status = {});

// 405; `allowed` as the header Allow has it: "GET, HEAD".
net::http_response method_not_allowed(std::string allowed);

// Loop only.
class http_routes final : public net::application_port {
  public:
    // Without the role edge (`is_edge`) it answers whether it is healthy, and refuses the rest.
    http_routes(
        connection_environment const& env, authenticator& tokens, bool is_edge, std::function<bool()> is_ready
    );

    core::task<net::http_response> respond(net::http_request request) override;
    core::task<std::expected<std::unique_ptr<net::peer_session>, net::http_response>>
    accept(net::http_request request) override;
    void on_refused(
        std::uint64_t connection_id, std::string const& remote_address, int status, std::string_view why
    ) override;

    // Ends the connections (4401) and streams of a token that was revoked.
    void on_signals(core::commit_signals const& signals);

    // No new call or connection: 503.
    void stop() { stopping_ = true; }

  private:
    std::optional<error> closed() const;
    core::task<net::http_response> hook(net::http_request request);
    net::http_response refuse_hook(error const& why, std::string const& address);
    core::task<result<core::token>> authenticate(net::http_request const& request);
    core::task<net::http_response> respond_to_peer(net::http_request request, peer from);
    core::task<net::http_response> rpc(net::http_request const& request, peer from);
    core::task<net::http_response>
    call_method(net::http_request const& request, peer from, std::string method);
    core::task<reply_text> call(peer const& from, std::string_view method, boost::json::object const& params);
    core::task<net::http_response> events(net::http_request const& request, peer from);
    core::task<net::http_response> tape(net::http_request const& request, peer from, std::string run_id);
    core::task<net::http_response>
    put_artifact(net::http_request request, peer from, std::string artifact_id);
    core::task<net::http_response>
    get_artifact(net::http_request const& request, peer from, std::string artifact_id);

    connection_environment const& env_;
    authenticator& tokens_;
    bool is_edge_;
    std::function<bool()> is_ready_;
    bool stopping_ = false;
    token_watch open_; // WebSocket connections and streams
};

} // namespace gatehouse::app
