#include "app/net/http_connection.hpp"

#include "app/net/connection.hpp"
#include "app/net/http_head.hpp"
#include "app/net/problem.hpp"
#include "app/net/response_head.hpp"
#include "app/net/websocket_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <expected>
#include <optional>
#include <string>

namespace gatehouse::app::net {

namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using request_parser = http::request_parser<http::string_body>;

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t headers_max = 128;
// A slow link may upload a big artifact as long as it brings on a second of it in each second, at this rate.
constexpr std::size_t body_bytes_per_second_min = 64 * 1024;
// Bodies held at once, of all connections, as a multiple of the biggest one allowed.
constexpr std::size_t bodies_held_max = 4;
// After a refusal the peer may have more to send; its bytes are thrown away that long, so that it sees the
// answer.
constexpr milliseconds linger_patience{1'000};

// One request whose head was read and found in order.
struct parsed_head {
    http_request request;
    bool is_http_1_0 = false;
    bool is_head = false; // asked for with HEAD: answered as GET, without the body
    bool keep_alive = false;
};

// Loop only. One coroutine reads, asks the app, answers, one request after the other; what a peer sent ahead
// waits in `received_`. No operation has a timer of its own: check_deadlines() ends what lasts too long.
class http_connection final : public connection {
  public:
    explicit http_connection(accepted_socket from)
        : connection(from.server, from.server->next_connection_id(), false),
          socket_(std::move(from.socket)),
          peer_address_(std::move(from.remote_address)),
          unauthenticated_(std::move(from.unauthenticated)) {}
    ~http_connection() override { release_body(); }

    void start();

    void check_deadlines(core::steady_time now) override;
    void begin_stop() override;
    void cut() override;

  private:
    enum class phase { idle, receiving, handling, sending, lingering };

    std::shared_ptr<http_connection> self() {
        return std::static_pointer_cast<http_connection>(shared_from_this());
    }

    io_task<> run();
    io_task<bool> serve_one();
    io_task<bool> receive();
    io_task<bool> receive_head(std::size_t& head_bytes);
    io_task<bool> receive_body(request_parser& parser, parsed_head& head);
    std::optional<refusal> read_head(request_parser& parser, std::string_view bytes, parsed_head& head);
    std::optional<refusal> check_authority(parsed_head const& head) const;
    std::optional<refusal> admit_address(http_request& request);
    std::size_t body_bytes_max(http_request const& request) const;
    io_task<bool> upgrade(parsed_head head);
    io_task<bool> answer(parsed_head head);
    io_task<bool> refuse(refusal why);
    io_task<bool> respond(parsed_head const& head, http_response response);
    io_task<bool> stream(body_source& source, bool is_chunked);
    io_task<bool> send(std::string_view first, std::string_view second = {});
    io_task<> linger();
    void watch_for_end(core::cancellation& stop);
    void enter(phase next, milliseconds patience);
    void enter_without_deadline(phase next);
    void note_outcome(int status);
    void release_body();

    tcp_socket socket_;
    std::string peer_address_;   // of the socket
    std::string remote_address_; // of the client, for the request under way
    address_budget::ticket unauthenticated_;
    std::string received_;
    phase phase_ = phase::idle;
    std::optional<core::steady_time> deadline_;
    core::cancellation* streaming_ = nullptr;
    std::size_t body_held_ = 0;
    bool timed_out_ = false;
    bool has_credential_ = false;
};

void http_connection::start() {
    error_code ignored;
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    boost::asio::co_spawn(socket_.get_executor(), run(), [self = self()](std::exception_ptr failure) {
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (std::exception const& what) {
            spdlog::error("connection {}: ended by an exception: {}", self->id(), what.what());
        }
        self->cut();
    });
}

io_task<> http_connection::run() {
    while (co_await serve_one()) {
    }
    // An upgraded socket is closed here already: it was moved away.
    if (socket_.is_open() && !server().stopping) co_await linger();
    cut();
}

void http_connection::check_deadlines(core::steady_time now) {
    if (!deadline_ || now < *deadline_) return;
    deadline_.reset();
    timed_out_ = true;
    if (phase_ == phase::receiving) {
        error_code ignored;
        socket_.cancel(ignored); // receive() returns, and the answer is 408
    } else {
        cut();
    }
}

void http_connection::begin_stop() {
    if (phase_ == phase::idle) cut();
    if (streaming_ != nullptr) streaming_->request();
}

void http_connection::cut() {
    error_code ignored;
    socket_.close(ignored);
    if (streaming_ != nullptr) streaming_->request();
}

void http_connection::enter(phase next, milliseconds patience) {
    phase_ = next;
    deadline_ = server().loop.now() + patience;
}

void http_connection::enter_without_deadline(phase next) {
    phase_ = next;
    deadline_.reset();
}

// Reads, answers. False when the connection ends.
io_task<bool> http_connection::serve_one() {
    release_body();
    timed_out_ = false;
    remote_address_ = peer_address_;
    std::size_t head_bytes = 0;
    if (!co_await receive_head(head_bytes)) co_return false;
    request_parser parser;
    parsed_head head;
    head.request.connection_id = id();
    auto refused = read_head(parser, std::string_view(received_).substr(0, head_bytes), head);
    received_.erase(0, head_bytes);
    if (!refused) refused = check_authority(head);
    if (!refused) refused = admit_address(head.request);
    if (refused) co_return co_await refuse(std::move(*refused));
    has_credential_ = head.request.header("authorization").has_value();
    if (!co_await receive_body(parser, head)) co_return false;
    head.request.body = std::move(parser.get().body());
    if (server().stopping) head.keep_alive = false;
    if (head.request.path != "/ws") co_return co_await answer(std::move(head));
    if (auto wrong = check_upgrade(head.request, head.is_http_1_0))
        co_return co_await refuse(std::move(*wrong));
    co_return co_await upgrade(std::move(head));
}

// Appends to received_ what has come, and waits for it. False at the end of the peer's bytes or of our
// patience.
io_task<bool> http_connection::receive() {
    auto& scratch = server().scratch;
    while (socket_.is_open()) {
        error_code failure;
        std::size_t bytes = socket_.read_some(boost::asio::buffer(scratch), failure);
        if (!failure) {
            received_.append(scratch.data(), bytes);
            co_return !timed_out_; // the deadline may have passed while this was on its way
        }
        if (failure != boost::asio::error::would_block) co_return false;
        auto [ended] = co_await socket_.async_wait(tcp_socket::wait_read, use_io_result);
        if (ended) co_return false;
    }
    co_return false;
}

// False where there is no next request, or it was refused here. `head_bytes`: with the empty line.
io_task<bool> http_connection::receive_head(std::size_t& head_bytes) {
    auto patience = server().options.request_timeout;
    enter(phase::idle, patience);
    std::size_t searched = 0;
    while (true) {
        if (!received_.empty() && phase_ == phase::idle) enter(phase::receiving, patience);
        auto end = received_.find("\r\n\r\n", searched);
        auto head = std::string_view(received_).substr(0, end == received_.npos ? end : end + 4);
        if (head.size() > head_bytes_max) {
            co_return co_await refuse(
                {431, fmt::format("The head of a request is at most {} bytes.", head_bytes_max)}
            );
        }
        if (end != received_.npos) {
            head_bytes = head.size();
            co_return true;
        }
        // A bare LF would never end this head; whoever sends one learns it at once.
        auto line_feed = received_.find('\n', searched);
        if (line_feed != received_.npos) {
            if (auto refused = check_head_bytes(head)) co_return co_await refuse(std::move(*refused));
        }
        searched = received_.size() < 3 ? 0 : received_.size() - 3;
        if (server().stopping && phase_ == phase::idle) co_return false;
        if (!co_await receive()) {
            if (timed_out_ && socket_.is_open())
                co_return co_await refuse({408, "The head of the request took too long."});
            co_return false;
        }
    }
}

std::optional<refusal>
http_connection::read_head(request_parser& parser, std::string_view bytes, parsed_head& head) {
    if (auto refused = check_head_bytes(bytes)) return refused;
    error_code failure;
    parser.header_limit(static_cast<std::uint32_t>(head_bytes_max) + 1);
    parser.body_limit(boost::none); // known only when the path is
    parser.put(boost::asio::buffer(bytes), failure);
    if (failure == http::error::bad_version)
        return refusal{505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    if (failure && failure != http::error::need_more) {
        return refusal{400, fmt::format("The request is not HTTP/1.1: {}.", failure.message())};
    }
    auto const& message = parser.get();
    head.is_http_1_0 = message.version() == 10;
    head.keep_alive = message.keep_alive() && !head.is_http_1_0;
    auto& request = head.request;
    for (auto const& field : message) {
        std::string name(field.name_string());
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? char(c + 32) : c;
        });
        request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    if (request.headers.size() > headers_max) {
        return refusal{431, fmt::format("A request has at most {} headers.", headers_max)};
    }
    if (auto refused = check_framing(request.headers, head.is_http_1_0)) return refused;
    request.method = std::string(message.method_string());
    head.is_head = request.method == "HEAD";
    if (head.is_head) request.method = "GET";
    auto target = split_target({message.target().data(), message.target().size()}, *request.header("host"));
    if (!target) return refusal{400, "The request target is a path, or a URL of the host that Host names."};
    auto path = decode_path(target->path);
    auto query = decode_query(target->query);
    if (!path || !query)
        return refusal{400, "The request target has a bad escape, a control character, or '.' or '..'."};
    request.path = std::move(*path);
    request.query = std::move(*query);
    return std::nullopt;
}

std::optional<refusal> http_connection::check_authority(parsed_head const& head) const {
    auto const& state = *shared_server();
    auto const& request = head.request;
    if (!state.hosts.allows_host(*request.header("host"))) {
        return refusal{421, "This gateway doesn't answer to that Host; its names stand in allowed_hosts."};
    }
    std::size_t origins = 0;
    for (auto const& [name, value] : request.headers) {
        if (name != "origin") continue;
        if (++origins > 1 || !state.hosts.allows_origin(value)) {
            return refusal{
                403, "Pages of that Origin may not speak to this gateway; allowed_origins lists who may."
            };
        }
    }
    return std::nullopt;
}

// Whose request it is: the socket's peer, or whom a trusted proxy names. A peer that isn't trusted names
// nobody, and its forwarding headers vanish. A proxy's client enters the budget here, because its address is
// known only now.
std::optional<refusal> http_connection::admit_address(http_request& request) {
    auto& state = server();
    request.remote_address = peer_address_;
    if (!state.options.trusted_proxy || peer_address_ != *state.options.trusted_proxy) {
        std::erase_if(request.headers, [](auto const& header) {
            return header.first.starts_with("x-forwarded-") || header.first == "forwarded" ||
                   header.first == "x-real-ip";
        });
        return std::nullopt;
    }
    std::string_view hop;
    for (auto const& [name, value] : request.headers) {
        if (name == "x-forwarded-for") hop = value;
    }
    hop = hop.substr(hop.rfind(',') + 1);
    hop.remove_prefix(std::min(hop.find_first_not_of(" \t"), hop.size()));
    error_code not_an_address;
    auto address = boost::asio::ip::make_address(std::string(hop), not_an_address);
    if (not_an_address) return std::nullopt;
    request.remote_address = address.to_string();
    remote_address_ = request.remote_address;
    if (!unauthenticated_) return std::nullopt;
    unauthenticated_.reset();
    unauthenticated_ = state.unauthenticated.take(request.remote_address);
    if (!unauthenticated_)
        return refusal{503, "Too many connections of this address have shown no token yet."};
    return std::nullopt;
}

// Only who presents a token may send much: without one the answer is a refusal anyway.
std::size_t http_connection::body_bytes_max(http_request const& request) const {
    auto const& options = shared_server()->options;
    bool is_artifact = request.method == "PUT" && request.path.starts_with("/v1/artifacts/");
    return is_artifact && request.header("authorization") ? options.max_body_bytes : options.max_frame_bytes;
}

// False where the connection ends here; the refusal is sent then.
io_task<bool> http_connection::receive_body(request_parser& parser, parsed_head& head) {
    auto& state = server();
    std::size_t max = body_bytes_max(head.request);
    refusal too_large{413, fmt::format("The body is larger than {} bytes.", max)};
    if (parser.content_length() && *parser.content_length() > max)
        co_return co_await refuse(std::move(too_large));
    parser.body_limit(max);
    parser.eager(true);
    if (!parser.is_done() && head.request.header("expect") && received_.empty() && !head.is_http_1_0) {
        if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    enter(phase::receiving, state.options.request_timeout);
    while (!parser.is_done()) {
        error_code failure;
        std::size_t used = received_.empty() ? 0 : parser.put(boost::asio::buffer(received_), failure);
        received_.erase(0, used);
        body_held_ += used;
        state.body_bytes += used;
        if (failure == http::error::body_limit) co_return co_await refuse(std::move(too_large));
        if (failure && failure != http::error::need_more) {
            co_return co_await refuse(
                {400, fmt::format("The body is not well-formed: {}.", failure.message())}
            );
        }
        if (state.body_bytes > bodies_held_max * state.options.max_body_bytes) {
            co_return co_await refuse({503, "Too many large bodies are under way.", {{"Retry-After", "5"}}});
        }
        if (parser.is_done()) break;
        *deadline_ += std::chrono::milliseconds(1000 * used / body_bytes_per_second_min);
        if (received_.size() > head_bytes_max)
            co_return co_await refuse({400, "A chunk's head is too long."});
        if (!co_await receive()) {
            if (timed_out_ && socket_.is_open())
                co_return co_await refuse({408, "The body of the request took too long."});
            co_return false;
        }
    }
    co_return true;
}

void http_connection::release_body() { server().body_bytes -= std::exchange(body_held_, 0); }

// Over to WebSocket, or what the app answers instead.
io_task<bool> http_connection::upgrade(parsed_head head) {
    auto& state = server();
    std::string key(*head.request.header("sec-websocket-key"));
    // RFC 6455 4.1: a client waits for the answer. What is sent ahead could be meant for another reader.
    constexpr std::string_view sent_ahead = "Bytes follow the request to upgrade before it was answered.";
    if (!received_.empty()) co_return co_await refuse({400, std::string(sent_ahead)});
    enter_without_deadline(phase::handling);
    std::expected<std::unique_ptr<peer_session>, http_response> decision;
    try {
        decision = co_await boost::asio::co_spawn(
            core::executor(state.loop), state.app.accept(std::move(head.request)), use_io_task
        );
    } catch (std::exception const& failure) {
        spdlog::error("connection {}: an upgrade could not be handled: {}", id(), failure.what());
        decision =
            std::unexpected(problem_response({500, "The upgrade could not be handled; the log says why."}));
    }
    if (!decision) co_return co_await respond(head, std::move(decision.error()));
    char ahead = 0;
    error_code failure;
    socket_.read_some(boost::asio::buffer(&ahead, 1), failure);
    if (!failure) co_return co_await refuse({400, std::string(sent_ahead)});
    if (failure != boost::asio::error::would_block) co_return false;
    if (state.stopping) co_return co_await refuse({503, "The gateway is shutting down."});
    open_websocket(
        {shared_server(), std::move(socket_), id(), std::move(unauthenticated_), std::move(*decision)}, key
    );
    co_return false;
}

io_task<bool> http_connection::answer(parsed_head head) {
    auto& state = server();
    enter_without_deadline(phase::handling);
    http_response response;
    try {
        response = co_await boost::asio::co_spawn(
            core::executor(state.loop), state.app.respond(std::move(head.request)), use_io_task
        );
    } catch (std::exception const& failure) {
        spdlog::error("connection {}: a request could not be handled: {}", id(), failure.what());
        response = problem_response({500, "The request could not be handled; the log says why."});
    }
    note_outcome(response.status);
    co_return co_await respond(head, std::move(response));
}

// A token that was accepted frees the connection's place in the budget.
void http_connection::note_outcome(int status) {
    if (has_credential_ && status != 401 && status != 403 && status != 429) unauthenticated_.reset();
}

// Answers and ends the connection: after a refusal nobody knows where the next request would begin. Returns
// false.
io_task<bool> http_connection::refuse(refusal why) {
    server().app.on_refused(id(), remote_address_, why.status, why.detail);
    spdlog::debug("connection {}: {} to {}: {}", id(), why.status, remote_address_, why.detail);
    parsed_head head;
    co_await respond(head, problem_response(why));
    co_return false;
}

// Sends the whole answer. True if another request may follow.
io_task<bool> http_connection::respond(parsed_head const& head, http_response response) {
    bool has_body = response.status != 204 && response.status != 304;
    std::string_view body =
        response.shared_body ? std::string_view(*response.shared_body) : std::string_view(response.body);
    auto framing = !has_body          ? body_framing::none
                   : !response.stream ? body_framing::length
                   : head.is_http_1_0 ? body_framing::until_close
                                      : body_framing::chunked;
    bool keep_alive = head.keep_alive && framing != body_framing::until_close && !server().stopping;
    auto bytes = encode_response_head(response, framing, body.size(), keep_alive, std::time(nullptr));
    if (head.is_head || !has_body || response.stream) body = {};
    if (!co_await send(bytes, body)) co_return false;
    if (response.stream && has_body && !head.is_head) {
        auto source = std::move(response.stream);
        if (!co_await stream(*source, framing == body_framing::chunked)) co_return false;
    }
    co_return keep_alive;
}

// Sends the pieces of `source` until it ends, the peer goes, or the server stops. False if the connection is
// of no more use.
io_task<bool> http_connection::stream(body_source& source, bool is_chunked) {
    core::cancellation stop;
    streaming_ = &stop;
    watch_for_end(stop);
    if (server().stopping) stop.request();
    bool is_whole = true;
    try {
        while (is_whole) {
            enter_without_deadline(phase::handling);
            auto piece =
                co_await boost::asio::co_spawn(core::executor(server().loop), source.next(stop), use_io_task);
            if (!piece) break;
            if (is_chunked) {
                is_whole = co_await send(fmt::format("{:x}\r\n", piece->size()), piece->append("\r\n"));
            } else {
                is_whole = co_await send(*piece);
            }
        }
    } catch (std::exception const& failure) {
        spdlog::error("connection {}: an answer broke off: {}", id(), failure.what());
        is_whole = false;
    }
    streaming_ = nullptr;
    error_code ignored;
    if (socket_.is_open()) socket_.cancel(ignored); // ends the watch
    if (is_whole && is_chunked) is_whole = co_await send("0\r\n\r\n");
    co_return is_whole&& socket_.is_open();
}

// While an answer is streamed nobody reads, so this is how the end of the peer is seen. What it sends ahead
// is kept, up to the size of a head; then its end is found by a write that fails.
void http_connection::watch_for_end(core::cancellation& stop) {
    socket_.async_wait(tcp_socket::wait_read, [self = self(), &stop](error_code ended) {
        if (ended || self->streaming_ != &stop) return;
        auto& scratch = self->server().scratch;
        error_code failure;
        std::size_t bytes = self->socket_.read_some(boost::asio::buffer(scratch), failure);
        if (failure && failure != boost::asio::error::would_block) return stop.request();
        self->received_.append(scratch.data(), bytes);
        if (self->received_.size() <= head_bytes_max) self->watch_for_end(stop);
    });
}

// Writes both, one behind the other. A peer that reads nothing for request_timeout is cut.
io_task<bool> http_connection::send(std::string_view first, std::string_view second) {
    while (!first.empty() || !second.empty()) {
        if (!socket_.is_open()) co_return false;
        std::array<boost::asio::const_buffer, 2> both{
            boost::asio::buffer(first), boost::asio::buffer(second)
        };
        error_code failure;
        std::size_t written = socket_.write_some(both, failure);
        if (failure == boost::asio::error::would_block) {
            enter(phase::sending, server().options.request_timeout);
            auto [ended] = co_await socket_.async_wait(tcp_socket::wait_write, use_io_result);
            failure = ended;
        }
        if (failure) co_return false;
        std::size_t of_first = std::min(written, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(written - of_first);
    }
    co_return true;
}

// Says that nothing more comes and throws away what the peer still sends, until it closes: closed at once,
// its unread bytes would make the kernel reset the connection, and the answer would be lost.
io_task<> http_connection::linger() {
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    enter(phase::lingering, linger_patience);
    do {
        received_.clear();
    } while (co_await receive());
}

} // namespace

void serve_http(accepted_socket from) { std::make_shared<http_connection>(std::move(from))->start(); }

} // namespace gatehouse::app::net
