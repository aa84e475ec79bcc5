#pragma once
// The server side of the network, without a word of Beast: what the rest of the app gives to it and gets from
// it. Everything here happens on the loop.
#include "core/execution/cancellation.hpp"
#include "core/execution/task.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::app::net {

// One HTTP request, whole. Header names are lower case; a header that came twice stands twice.
struct http_request {
    std::string method; // "GET"; HEAD comes as GET, and net leaves out the answer's body
    std::string path;   // percent-decoded, starts with '/', free of "..", "." and NUL
    std::vector<std::pair<std::string, std::string>> query; // decoded
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string remote_address;      // numeric, no port; the client's own where a trusted proxy says so
    std::uint64_t connection_id = 0; // for logs

    // Nothing if it is absent; the first one if it is there more than once.
    std::optional<std::string_view> header(std::string_view lower_case_name) const;
    std::optional<std::string_view> query_parameter(std::string_view name) const;
};

// A body that is made while it is sent (SSE, NDJSON, big artifacts). Destroyed when the peer is gone.
class body_source {
  public:
    virtual ~body_source() = default;
    // The next piece, never empty; nothing at the end. Is asked again only when the last piece was written,
    // so a slow reader holds one piece. `stop` is requested when the peer has gone or the server stops:
    // return nothing then.
    virtual core::task<std::optional<std::string>> next(core::cancellation& stop) = 0;
};

struct http_response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>>
        headers; // Content-Length, Connection and Date are set by net
    std::string body;
    std::unique_ptr<body_source> stream;            // where set, `body` is empty and the answer is chunked
    std::shared_ptr<std::string const> shared_body; // a big constant body (the console's files), not copied
};

// WebSocket close codes of the contract (protocol.md 3).
struct close_reason {
    std::uint16_t code = 1000;
    std::string text;
};

// Where an open WebSocket's messages go out. Owned by net, valid until peer_session::on_close.
class outbound {
  public:
    virtual ~outbound() = default;
    // Queues one text message. It is encoded once into the connection's buffer and written together with
    // everything else that is queued at the end of this loop turn. Over outbound_bytes_max the peer is closed
    // with 1013; after close() it does nothing.
    virtual void offer(std::string_view text) = 0;
    // As offer(), but dropped silently while more than a quarter of outbound_bytes_max waits. For ephemeral
    // pieces.
    virtual void offer_ephemeral(std::string_view text) = 0;
    // Sends what is queued, then the close frame. on_close follows, never inside this call.
    virtual void close(close_reason why) = 0;
    virtual std::size_t queued_bytes() const = 0;
};

// What stands behind one open WebSocket. Created by `application_port::accept`, owned by net, destroyed after
// on_close.
class peer_session {
  public:
    virtual ~peer_session() = default;
    // The handshake is done; `out` may be used from now on.
    virtual void on_open(outbound& out) = 0;
    // One whole text message, valid UTF-8, at most max_frame_bytes. Must not block. The view dies with the
    // call.
    virtual void on_text(std::string_view text) = 0;
    // The last call: the peer has gone, was closed, or the server stops.
    virtual void on_close(close_reason const& why) = 0;
    // False until `connect` succeeded: net counts the socket as unauthenticated and closes it with 4408 in
    // time.
    virtual bool is_authenticated() const = 0;
};

// What net asks of the app. Called after net's own checks (Host, Origin, limits, request smuggling) passed.
class application_port {
  public:
    virtual ~application_port() = default;
    // Answers one request. Never throws for what a peer did.
    virtual core::task<http_response> respond(http_request request) = 0;
    // Decides an upgrade of /ws before the 101: a session, or the refusal. Checks the token, not the
    // subprotocol.
    virtual core::task<std::expected<std::unique_ptr<peer_session>, http_response>>
    accept(http_request request) = 0;
    // A request that net itself refused, for the log and the counters. `status` is what it answered; 0
    // where it closed the socket without an answer, because too many of that address have shown no token.
    virtual void on_refused(
        std::uint64_t connection_id, std::string const& remote_address, int status, std::string_view why
    ) = 0;
};

struct server_options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8787; // 0: any free one
    std::vector<std::string>
        allowed_hosts; // further Host values, "name" or "name:port"; loopback names always
    std::vector<std::string> allowed_origins; // further origins; the own origin always
    std::optional<std::string> trusted_proxy; // address whose X-Forwarded-For / -Proto count
    std::size_t max_frame_bytes = 1 << 20;
    std::size_t max_body_bytes = 64 << 20; // of PUT /v1/artifacts; other bodies: max_frame_bytes
    std::size_t outbound_bytes_max = 8 << 20;
    std::size_t unauthenticated_per_address_max = 256;
    std::size_t unauthenticated_max = 4096;
    std::chrono::milliseconds heartbeat{15'000};
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000}; // head and body of a request, and idle keep-alive
};

class server {
  public:
    virtual ~server() = default;
    // The address it listens on, "127.0.0.1:8787".
    virtual std::string address() const = 0;
    // Takes connections; until then they wait.
    virtual void start() = 0;
    // Connections that are open now, by kind.
    struct counts {
        std::size_t http = 0;
        std::size_t websocket = 0;
        std::size_t unauthenticated = 0;
    };
    virtual counts connections() const = 0;
    // Pauses or resumes all reading and writing of WebSocket peers (a store that can't be polled: engine.md
    // 6).
    virtual void freeze(bool on) = 0;
    // Takes no new connection, tells WebSocket peers 1001, flushes, ends HTTP answers under way; returns when
    // all are gone or `deadline` passed, after which the rest is cut.
    virtual core::task<> stop(core::steady_time deadline) = 0;
};

class io_loop; // app/net/io_loop.hpp

// Binds and listens. Throws std::runtime_error with a sentence for the user (taken port, bad
// address).
std::unique_ptr<server> make_server(io_loop& loop, server_options options, application_port& app);

} // namespace gatehouse::app::net
