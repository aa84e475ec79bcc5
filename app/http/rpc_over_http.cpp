// POST /rpc and POST /rpc/{method}: the same calls as over WebSocket, one answer each.
#include "app/http/http_routes.hpp"
#include "protocol/jsonrpc.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

namespace gatehouse::app {

namespace json = boost::json;

namespace {

net::http_response json_response(std::string body) {
    net::http_response r;
    r.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    r.body = std::move(body);
    return r;
}

std::optional<error> check_content_type(net::http_request const& request) {
    auto type = request.header("content-type");
    auto media = type ? type->substr(0, type->find(';')) : std::string_view{};
    while (!media.empty() && media.back() == ' ') media.remove_suffix(1);
    std::string lower_case(media);
    for (char& c : lower_case)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (request.body.empty() || lower_case == "application/json") return std::nullopt;
    // A form or plain text could come from any web page without a question; JSON cannot.
    return error{errc::invalid_request, "Send the body as 'Content-Type: application/json'."};
}

} // namespace

// Waits for the one reply, which may come inside the call.
core::task<reply_text>
http_routes::call(peer const& from, std::string_view method, json::object const& params) {
    struct waiting {
        explicit waiting(core::loop& on) : answered(on) {}
        core::wakeup answered;
        std::optional<reply_text> reply;
    };
    auto w = std::make_shared<waiting>(env_.all.get<core::loop>());
    env_.calls.call(from, transport::http, method, params, [w](reply_text reply) {
        w->reply = std::move(reply);
        w->answered.notify();
    });
    while (!w->reply) co_await w->answered.wait();
    co_return std::move(*w->reply);
}

core::task<net::http_response>
http_routes::call_method(net::http_request const& request, peer from, std::string method) {
    if (auto wrong = check_content_type(request)) co_return problem_response(*wrong);
    auto parsed = parse_json(request.body.empty() ? std::string_view("{}") : std::string_view(request.body));
    if (!parsed) co_return problem_response(refusal_of(parsed.error()).why);
    if (parsed->is_array() && parsed->get_array().empty()) *parsed = json::object(); // as in JSON-RPC
    if (!parsed->is_object()) {
        json::object detail{{"path", ""}, {"keyword", "type"}, {"message", "must be an object"}};
        co_return problem_response(
            {errc::invalid_params, "The body is the method's params: an object.", json::array{detail}}
        );
    }
    auto reply = co_await call(from, method, parsed->get_object());
    if (!reply) co_return problem_response(reply.error());
    co_return json_response(std::move(*reply));
}

core::task<net::http_response> http_routes::rpc(net::http_request const& request, peer from) {
    if (auto wrong = check_content_type(request)) co_return problem_response(*wrong);
    auto parsed = parse_json(request.body);
    if (!parsed) {
        std::string body;
        append_rpc_error(body, nullptr, refusal_of(parsed.error()).why);
        auto refused = json_response(std::move(body));
        refused.status = http_status_of(errc::parse_error);
        co_return refused;
    }
    rpc_frame frame(*parsed);
    std::string body;
    auto add = [&] {
        if (!body.empty()) body += ',';
    };
    for (std::size_t i = 0; i < frame.size(); ++i) {
        auto message = frame.message(i);
        if (auto const* request_message = std::get_if<rpc_request>(&message);
            request_message && request_message->id) {
            auto reply = co_await call(from, request_message->method, *request_message->params);
            add();
            if (reply)
                append_rpc_result(body, *request_message->id, *reply);
            else
                append_rpc_error(body, *request_message->id, reply.error());
        } else if (auto const* refusal = std::get_if<rpc_refusal>(&message); refusal && refusal->id) {
            add();
            append_rpc_error(body, *refusal->id, refusal->why);
        }
    }
    if (body.empty()) {
        net::http_response nothing;
        nothing.status = 204;
        co_return nothing;
    }
    co_return json_response(frame.is_batch() ? "[" + body + "]" : std::move(body));
}

} // namespace gatehouse::app
