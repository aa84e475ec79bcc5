#include "protocol/jsonrpc.hpp"

#include "protocol/json_codec.hpp"

#include <cmath>

namespace gatehouse {
namespace {

namespace json = boost::json;
using protocol::append_json;
using protocol::text_of;

// The id as it may stand in a message; nothing if it may not.
std::optional<rpc_id> read_id(json::value const& value) {
    if (value.is_null()) return rpc_id(nullptr);
    if (auto const* number = value.if_int64()) return rpc_id(*number);
    if (auto const* text = value.if_string()) {
        if (text->size() > rpc_id_size_max) return std::nullopt;
        return rpc_id(std::string(text->data(), text->size()));
    }
    if (auto const* number = value.if_double()) { // 1.0 is an integer, 1.5 and 1e30 are not
        if (std::trunc(*number) == *number && std::abs(*number) < 9e15) {
            return rpc_id(static_cast<std::int64_t>(*number));
        }
    }
    return std::nullopt;
}

rpc_refusal invalid(std::optional<rpc_id> id, char const* why) {
    return {std::move(id), {errc::invalid_request, why}};
}

json::object const& empty_object() {
    static json::object const empty;
    return empty;
}

rpc_message
read_request(json::object const& message, json::value const& method, std::optional<rpc_id> id, bool has_id) {
    if (!method.is_string()) {
        return invalid(has_id ? std::move(id) : rpc_id(nullptr), "the member \"method\" must be a name");
    }
    json::object const* params = &empty_object();
    if (auto const* given = message.if_contains("params")) {
        bool const no_params = given->is_array() && given->get_array().empty();
        if (given->is_object()) {
            params = &given->get_object();
        } else if (!no_params) {
            error why{
                errc::invalid_params,
                "the member \"params\" must be an object; positional params are not taken"
            };
            why.details = {{{"path", ""}, {"keyword", "type"}, {"message", "must be an object"}}};
            return rpc_refusal{std::move(id), std::move(why)};
        }
    }
    return rpc_request{std::move(id), text_of(method), params};
}

// A broken response is not answered, so its refusal has no id.
rpc_message read_response(json::object const& message, std::optional<rpc_id> id) {
    auto const* result = message.if_contains("result");
    auto const* failure = message.if_contains("error");
    if (!id) return invalid(std::nullopt, "a response needs the id of its request");
    if (result && failure) return invalid(std::nullopt, "a response has a result or an error, not both");
    if (result) return rpc_response{*std::move(id), result, std::nullopt};

    auto const* fields = failure->if_object();
    auto const* code = fields ? fields->if_contains("code") : nullptr;
    auto const* text = fields ? fields->if_contains("message") : nullptr;
    if (!code || !code->is_int64() || !text || !text->is_string()) {
        return invalid(
            std::nullopt, "the error of a response needs an integer \"code\" and a string \"message\""
        );
    }
    return rpc_response{
        *std::move(id), nullptr, rpc_failure{code->get_int64(), text_of(*text), fields->if_contains("data")}
    };
}

rpc_message read_message(json::value const& value) {
    auto const* message = value.if_object();
    if (!message) return invalid(rpc_id(nullptr), "a JSON-RPC message must be an object");
    auto const* given_id = message->if_contains("id");
    auto const* method = message->if_contains("method");
    bool const is_response = !method && (message->contains("result") || message->contains("error"));
    std::optional<rpc_id> id;
    if (given_id) {
        id = read_id(*given_id);
        if (!id && !is_response) {
            return invalid(
                rpc_id(nullptr), "the member \"id\" must be a string of at most 128 bytes, an integer or null"
            );
        }
    }
    auto const* version = message->if_contains("jsonrpc");
    if (!version || !version->is_string() || version->get_string() != "2.0") {
        if (is_response) return invalid(std::nullopt, "the member \"jsonrpc\" must be \"2.0\"");
        return invalid(id ? std::move(id) : rpc_id(nullptr), "the member \"jsonrpc\" must be \"2.0\"");
    }
    if (is_response) return read_response(*message, std::move(id));
    if (!method) return invalid(id ? std::move(id) : rpc_id(nullptr), "the member \"method\" is missing");
    return read_request(*message, *method, std::move(id), given_id != nullptr);
}

constexpr std::string_view opening = R"({"jsonrpc":"2.0",)";

} // namespace

rpc_frame::rpc_frame(json::value const& parsed) : parsed_(parsed) {
    auto const* array = parsed.if_array();
    if (array && !array->empty() && array->size() <= rpc_batch_max) batch_ = array;
}

rpc_message rpc_frame::message(std::size_t index) const {
    if (batch_) return read_message((*batch_)[index]);
    if (auto const* array = parsed_.if_array()) {
        if (array->empty()) return invalid(rpc_id(nullptr), "a batch must not be empty");
        return invalid(rpc_id(nullptr), "a batch may hold at most 100 messages");
    }
    return read_message(parsed_);
}

rpc_refusal refusal_of(parse_failure const& failure) {
    error why{errc::parse_error, "at byte " + std::to_string(failure.offset) + ": " + failure.message};
    why.details = {{"offset", failure.offset}};
    return {rpc_id(nullptr), std::move(why)};
}

error error_of(rpc_failure const& failure) {
    error converted{errc_of_code(failure.code).value_or(errc::internal), std::string(failure.message)};
    if (auto const* data = failure.data ? failure.data->if_object() : nullptr) {
        if (auto const* details = data->if_contains("details")) converted.details = *details;
    }
    return converted;
}

void append_rpc_id(std::string& out, rpc_id const& id) {
    if (auto const* number = std::get_if<std::int64_t>(&id)) {
        append_json(out, *number);
    } else if (auto const* text = std::get_if<std::string>(&id)) {
        append_json(out, std::string_view(*text));
    } else {
        out += "null";
    }
}

void append_error_data(std::string& out, error const& why) {
    out.append(R"({"kind":")").append(kind_of(why.code));
    out.append(is_retryable(why.code) ? R"(","retryable":true)" : R"(","retryable":false)");
    if (!why.details.is_null()) {
        out += R"(,"details":)";
        append_json(out, why.details);
    }
    out += '}';
}

void append_rpc_result(std::string& out, rpc_id const& id, std::string_view result_json) {
    out.append(opening).append(R"("id":)");
    append_rpc_id(out, id);
    out.append(R"(,"result":)").append(result_json).append("}");
}

void append_rpc_error(std::string& out, rpc_id const& id, error const& why) {
    out.append(opening).append(R"("id":)");
    append_rpc_id(out, id);
    out += R"(,"error":{"code":)";
    append_json(out, static_cast<std::int64_t>(why.code));
    out += R"(,"message":)";
    append_json(out, std::string_view(why.message));
    out += R"(,"data":)";
    append_error_data(out, why);
    out += "}}";
}

void append_rpc_request(
    std::string& out, rpc_id const& id, std::string_view method, std::string_view params_json
) {
    out.append(opening).append(R"("id":)");
    append_rpc_id(out, id);
    out += R"(,"method":)";
    append_json(out, method);
    out.append(R"(,"params":)").append(params_json).append("}");
}

void append_rpc_notification(std::string& out, std::string_view method, std::string_view params_json) {
    out.append(opening).append(R"("method":)");
    append_json(out, method);
    out.append(R"(,"params":)").append(params_json).append("}");
}

} // namespace gatehouse
