#include "app/client/gateway_connection.hpp"

#include "protocol/gen/methods/connect_challenge.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <utility>

namespace gatehouse::app::client {
namespace {

using kind = connection_end::kind;

// The detail of a problem document, or nothing.
std::string detail_of(std::string_view body) {
    auto const problem = parse_json(body);
    auto const* object = problem ? problem->if_object() : nullptr;
    auto const* detail = object ? object->if_contains("detail") : nullptr;
    return detail && detail->is_string() ? std::string(detail->get_string()) : std::string();
}

// Its store is away, or it has too much to do: both pass.
bool is_retryable(boost::json::value const& error) {
    auto const* data = error.as_object().if_contains("data");
    auto const* object = data ? data->if_object() : nullptr;
    auto const* retryable = object ? object->if_contains("retryable") : nullptr;
    return retryable && retryable->is_bool() && retryable->get_bool();
}

connection_end end_of(net::ws_refusal const& refusal) {
    connection_end end{kind::unreachable, 0, 0, refusal.error.message};
    if (refusal.error.what == net::transport_error::kind::cancelled) end.what = kind::stopped;
    if (refusal.error.what == net::transport_error::kind::bad_request ||
        refusal.error.what == net::transport_error::kind::tls) {
        end.what = kind::refused;
    }
    if (!refusal.answer) return end;
    end.http_status = refusal.answer->status;
    if (auto const detail = detail_of(refusal.answer->body); !detail.empty()) end.message = detail;
    // 429 and 5xx pass; 400, 401, 403, 404, 421 don't.
    if (end.http_status >= 300 && end.http_status < 500 && end.http_status != 429 && end.http_status != 408)
        end.what = kind::refused;
    return end;
}

connection_end end_of(net::close_reason const& why) {
    connection_end end{kind::unreachable, why.code, 0, {}};
    end.message = why.text.empty()
                      ? fmt::format("The gateway closed the connection ({}).", why.code)
                      : fmt::format("The gateway closed the connection ({}): {}.", why.code, why.text);
    for (int const code : {1002, 1003, 1007, 1008, 4400, 4401, 4403, 4409}) {
        if (why.code == code) end.what = kind::refused;
    }
    return end;
}

std::string
connect_params(connect_options const& options, protocol::connect_challenge::params const& challenge) {
    protocol::connect::params params;
    params.role = options.role;
    params.capabilities = options.capabilities;
    if (options.key != nullptr) {
        params.device = options.device;
        params.device->id = options.key->id();
        params.device->public_key = options.key->public_key_base64url();
        params.proof = options.key->sign_connect_proof(
            {challenge.gateway_id, to_string(options.role), params.device->id, challenge.nonce, options.token}
        );
    }
    return encode_params(params);
}

// Closes the socket at a deadline while one message is waited for.
core::task<std::expected<std::string, net::close_reason>>
receive_by(net::io_loop& loop, net::ws_client& socket, core::steady_time deadline, core::cancellation& stop) {
    auto const timer = loop.start_timer(deadline, [&socket] { socket.cut(); });
    auto const listening = stop.on_request([&socket] { socket.cut(); });
    auto message = co_await socket.receive();
    loop.stop_timer(timer);
    co_return message;
}

} // namespace

struct gateway_connection::waiting_call {
    explicit waiting_call(core::loop& on) : answered(on) {}
    core::wakeup answered;
    std::optional<result<boost::json::value>> answer;
};

gateway_connection::gateway_connection(net::io_loop& loop, std::unique_ptr<net::ws_client> socket)
    : loop_(loop), socket_(std::move(socket)) {}

gateway_connection::~gateway_connection() = default;

core::task<std::expected<std::unique_ptr<gateway_connection>, connection_end>>
gateway_connection::open(net::io_loop& loop, connect_options options, core::cancellation& stop) {
    net::ws_client_options socket_options;
    socket_options.url = options.websocket_url;
    socket_options.headers = {{"Authorization", "Bearer " + options.token}};
    socket_options.subprotocols = {"gatehouse.v1"};
    socket_options.connect_timeout = options.connect_timeout;
    socket_options.message_bytes_max = options.message_bytes_max;
    socket_options.tls = options.tls;
    auto socket = co_await net::connect_websocket(loop, std::move(socket_options), stop);
    if (!socket) co_return std::unexpected(end_of(socket.error()));
    std::unique_ptr<gateway_connection> opened(new gateway_connection(loop, std::move(*socket)));
    auto shaken = co_await opened->shake_hands(options, stop);
    if (!shaken) {
        co_await opened->end();
        if (stop.requested()) shaken.error().what = kind::stopped;
        co_return std::unexpected(std::move(shaken.error()));
    }
    co_return std::move(opened);
}

core::task<std::expected<void, connection_end>>
gateway_connection::shake_hands(connect_options const& options, core::cancellation& stop) {
    auto const deadline = loop_.now() + options.connect_timeout;
    auto const nonsense = [](std::string_view what) {
        return std::unexpected(
            connection_end{kind::refused, 0, 0, fmt::format("This is no Gatehouse gateway: {}.", what)}
        );
    };
    auto const first = co_await receive_by(loop_, *socket_, deadline, stop);
    if (!first) co_return std::unexpected(end_of(first.error()));
    protocol::connect_challenge::params challenge;
    try {
        auto const message = boost::json::parse(*first).as_object();
        if (message.at("method").as_string() != protocol::connect_challenge::descriptor.name)
            co_return nonsense("it doesn't begin with connect.challenge");
        challenge = protocol::connect_challenge::decode(message.at("params").as_object());
    } catch (std::exception const&) {
        co_return nonsense("its first message can't be read");
    }
    std::string request;
    append_rpc_request(
        request, rpc_id(++last_id_), protocol::connect::descriptor.name, connect_params(options, challenge)
    );
    socket_->send(std::move(request));
    auto const second = co_await receive_by(loop_, *socket_, deadline, stop);
    if (!second) co_return std::unexpected(end_of(second.error()));
    try {
        auto const message = boost::json::parse(*second).as_object();
        if (auto const* refused = message.if_contains("error")) {
            // The close frame that follows says more exactly what this means.
            auto const closed = co_await receive_by(loop_, *socket_, deadline, stop);
            auto end = closed ? connection_end{kind::unreachable, 0, 0, {}} : end_of(closed.error());
            if (!is_retryable(*refused)) end.what = kind::refused;
            end.message = fmt::format(
                "The gateway refused the connection: {}", std::string(refused->at("message").as_string())
            );
            co_return std::unexpected(std::move(end));
        }
        welcome_ = protocol::connect::decode_reply(message.at("result"));
    } catch (std::exception const&) {
        co_return nonsense("its answer to connect can't be read");
    }
    co_return std::expected<void, connection_end>();
}

core::task<connection_end> gateway_connection::run(connection_listener& listener, core::cancellation& stop) {
    auto const on_stop = stop.on_request([this] { socket_->close({1000, "bye"}); });
    while (true) {
        auto const message = co_await socket_->receive();
        if (!message) {
            auto end = end_of(message.error());
            if (stop.requested()) end.what = kind::stopped;
            ended_ = true;
            for (auto const& [id, each] : std::exchange(waiting_, {})) {
                each->answer = fail(errc::unavailable, end.message);
                each->answered.notify();
            }
            co_return end;
        }
        take_message(*message, listener);
    }
}

void gateway_connection::take_message(std::string_view text, connection_listener& listener) {
    auto const parsed = parse_json(text);
    if (!parsed) return;
    rpc_frame const frame(*parsed);
    for (std::size_t i = 0; i < frame.size(); ++i) {
        auto const message = frame.message(i);
        if (auto const* response = std::get_if<rpc_response>(&message)) {
            take_response(*response);
        } else if (auto const* request = std::get_if<rpc_request>(&message)) {
            if (request->id)
                listener.on_request(*request->id, request->method, *request->params);
            else
                listener.on_notification(request->method, *request->params);
        } else if (auto const& refusal = std::get<rpc_refusal>(message); refusal.id) {
            refuse(*refusal.id, refusal.why);
        }
    }
}

void gateway_connection::take_response(rpc_response const& response) {
    auto const* id = std::get_if<std::int64_t>(&response.id);
    auto const found = id ? waiting_.find(*id) : waiting_.end();
    if (found == waiting_.end()) return;
    auto const call = found->second;
    waiting_.erase(found);
    if (response.failure)
        call->answer = std::unexpected(error_of(*response.failure));
    else
        call->answer = *response.result;
    call->answered.notify();
}

core::task<result<boost::json::value>> gateway_connection::call(
    std::string_view method, std::string_view params_json, std::chrono::milliseconds timeout
) {
    auto const id = ++last_id_;
    std::string request;
    append_rpc_request(request, rpc_id(id), method, params_json);
    if (ended_ || !socket_->send(std::move(request)))
        co_return fail(errc::unavailable, "The connection to the gateway is closed.");
    auto const waiting = std::make_shared<waiting_call>(loop_);
    waiting_.emplace(id, waiting);
    auto const deadline = loop_.now() + timeout;
    while (!waiting->answer && co_await waiting->answered.wait_until(deadline)) {
    }
    waiting_.erase(id);
    if (!waiting->answer) co_return fail(errc::deadline_exceeded, "The gateway did not answer in time.");
    co_return std::move(*waiting->answer);
}

bool gateway_connection::reply(rpc_id const& id, std::string_view result_json) {
    std::string text;
    append_rpc_result(text, id, result_json);
    return socket_->send(std::move(text));
}

bool gateway_connection::refuse(rpc_id const& id, error const& why) {
    std::string text;
    append_rpc_error(text, id, why);
    return socket_->send(std::move(text));
}

bool gateway_connection::notify(std::string_view method, std::string_view params_json) {
    std::string text;
    append_rpc_notification(text, method, params_json);
    return socket_->send(std::move(text));
}

core::task<> gateway_connection::end() { co_await socket_->end(); }

} // namespace gatehouse::app::client
