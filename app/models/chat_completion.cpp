#include "app/models/chat_completion.hpp"

#include "protocol/parse_json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::app::models {
namespace {

namespace json = boost::json;
using core::provider_error;

// A turn that asks for more calls than this has lost its way.
constexpr std::size_t calls_max = 128;
constexpr std::size_t message_bytes_max = 300;

std::unexpected<provider_error> bad_response(std::string message) {
    return std::unexpected(provider_error{"bad_response", std::move(message), true, std::nullopt});
}

json::value const* member(json::object const& object, std::string_view name) {
    auto const* found = object.if_contains(name);
    return found && !found->is_null() ? found : nullptr;
}

std::string_view text_member(json::object const& object, std::string_view name) {
    auto const* found = member(object, name);
    if (!found || !found->is_string()) return {};
    auto const& text = found->get_string();
    return {text.data(), text.size()};
}

json::object encode_message(core::model_message const& message) {
    json::object encoded{{"role", message.role}, {"content", message.text}};
    if (message.role == "tool") encoded["tool_call_id"] = message.call_id;
    if (message.tool_calls.empty()) return encoded;
    if (message.text.empty()) encoded["content"] = nullptr;
    json::array calls;
    for (auto const& call : message.tool_calls) {
        calls.push_back(
            {{"id", call.call_id},
             {"type", "function"},
             {"function", {{"name", call.tool}, {"arguments", json::serialize(call.arguments)}}}}
        );
    }
    encoded["tool_calls"] = std::move(calls);
    return encoded;
}

// A cut never splits a character.
std::string shortened(std::string_view text) {
    if (text.size() <= message_bytes_max) return std::string(text);
    auto end = message_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "…";
}

} // namespace

std::string encode_chat_request(core::model_request const& request) {
    json::object body{
        {"model", request.model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}
    };
    json::array messages;
    for (auto const& each : request.messages) messages.push_back(encode_message(each));
    body["messages"] = std::move(messages);
    if (request.temperature) body["temperature"] = *request.temperature;
    json::array tools;
    for (auto const& tool : request.tools) {
        tools.push_back(
            {{"type", "function"},
             {"function",
              {{"name", tool.name},
               {"description", tool.description},
               {"parameters", json::parse(tool.input_schema)}}}}
        );
    }
    if (!tools.empty()) body["tools"] = std::move(tools);
    return json::serialize(body);
}

std::expected<void, provider_error> chat_completion::take_chunk(std::string_view text) {
    auto const chunk = parse_json(text);
    if (!chunk || !chunk->is_object()) return bad_response("The model's stream has a line that is not JSON.");
    auto const& object = chunk->get_object();
    if (member(object, "error")) {
        auto const why = error_message_in(text);
        return std::unexpected(provider_error{
            "unavailable", why.empty() ? "The model broke off." : fmt::format("The model broke off: {}", why),
            true, std::nullopt
        });
    }
    if (auto const* usage = member(object, "usage")) take_usage(*usage);
    auto const* choices = member(object, "choices");
    // The last chunk carries the usage alone.
    if (!choices || !choices->is_array() || choices->get_array().empty()) return {};
    auto const* first = choices->get_array()[0].if_object();
    return first ? take_choice(*first, "delta") : std::expected<void, provider_error>();
}

std::expected<void, provider_error> chat_completion::take_whole(std::string_view text) {
    auto const whole = parse_json(text);
    auto const* object = whole ? whole->if_object() : nullptr;
    auto const* choices = object ? member(*object, "choices") : nullptr;
    if (!choices || !choices->is_array() || choices->get_array().empty() ||
        !choices->get_array()[0].is_object()) {
        return bad_response("The model's answer is not a chat completion.");
    }
    if (auto const* usage = member(*object, "usage")) take_usage(*usage);
    return take_choice(choices->get_array()[0].get_object(), "message");
}

std::expected<void, provider_error>
chat_completion::take_choice(json::object const& choice, std::string_view part) {
    if (auto const* delta = member(choice, part); delta && delta->is_object()) {
        take_text(text_member(delta->get_object(), "content"));
        if (auto const* calls = member(delta->get_object(), "tool_calls")) {
            if (auto const taken = take_calls(*calls); !taken) return taken;
        }
    }
    if (auto const reason = text_member(choice, "finish_reason"); !reason.empty())
        response_.finish_reason = reason;
    return {};
}

void chat_completion::take_text(std::string_view piece) {
    if (piece.empty()) return;
    response_.text += piece;
    sink_.on_text(piece);
}

std::expected<void, provider_error> chat_completion::take_calls(json::value const& pieces) {
    if (!pieces.is_array()) return bad_response("The model's tool calls are not a list.");
    for (auto const& each : pieces.get_array()) {
        if (!each.is_object()) return bad_response("One of the model's tool calls is not an object.");
        auto const& piece = each.get_object();
        auto* const call = call_for(piece);
        if (!call)
            return bad_response(
                fmt::format("The model asks for more than {} tool calls in one turn.", calls_max)
            );
        if (call->id.empty()) call->id = text_member(piece, "id");
        auto const* function = member(piece, "function");
        if (!function || !function->is_object()) continue;
        // Some servers repeat the whole name with each piece, none sends it in parts.
        if (call->name.empty()) call->name = text_member(function->get_object(), "name");
        auto const* arguments = member(function->get_object(), "arguments");
        if (arguments && arguments->is_object())
            call->arguments = json::serialize(*arguments);
        else
            call->arguments += text_member(function->get_object(), "arguments");
    }
    return {};
}

// Pieces of one call share an index. Servers that leave it out give a new id where a call begins.
chat_completion::call_in_pieces* chat_completion::call_for(json::object const& piece) {
    auto const* index = member(piece, "index");
    if (index && index->is_int64()) {
        auto const found = std::ranges::find(calls_, index->get_int64(), &call_in_pieces::index);
        if (found != calls_.end()) return &*found;
    } else {
        auto const id = text_member(piece, "id");
        if (!calls_.empty() && (id.empty() || calls_.back().id == id)) return &calls_.back();
    }
    if (calls_.size() == calls_max) return nullptr;
    auto& made = calls_.emplace_back();
    made.index = index && index->is_int64() ? index->get_int64() : -static_cast<std::int64_t>(calls_.size());
    return &made;
}

void chat_completion::take_usage(json::value const& usage) {
    if (!usage.is_object()) return;
    auto read = [&usage](std::string_view name, std::int64_t& into) {
        auto const* found = member(usage.get_object(), name);
        if (found && found->is_int64() && found->get_int64() >= 0) into = found->get_int64();
    };
    read("prompt_tokens", response_.usage.input_tokens);
    read("completion_tokens", response_.usage.output_tokens);
}

std::expected<core::tool_request, provider_error>
chat_completion::read_call(call_in_pieces const& call, std::size_t number) const {
    if (call.name.empty()) return bad_response("The model asks for a tool without naming it.");
    core::tool_request request;
    request.tool = call.name;
    request.call_id = call.id.empty() ? fmt::format("call_{}", number) : call.id;
    if (std::ranges::count(response_.tool_calls, request.call_id, &core::tool_request::call_id) != 0) {
        request.call_id += fmt::format("_{}", number);
    }
    if (call.arguments.find_first_not_of(" \t\r\n") == std::string::npos) return request;
    auto const arguments = parse_json(call.arguments);
    if (!arguments || !arguments->is_object()) {
        return bad_response(
            fmt::format("The model's arguments for {} are not a JSON object.", shortened(call.name))
        );
    }
    request.arguments = arguments->get_object();
    return request;
}

std::expected<core::model_response, provider_error> chat_completion::finish(bool ended_properly) {
    bool const has_content = !response_.text.empty() || !calls_.empty();
    if (response_.finish_reason.empty() && (!ended_properly || !has_content)) {
        return std::unexpected(
            provider_error{"unavailable", "The model's stream broke off before its end.", true, std::nullopt}
        );
    }
    std::size_t number = 0;
    for (auto const& each : calls_) {
        auto call = read_call(each, ++number);
        if (!call) return std::unexpected(std::move(call.error()));
        response_.tool_calls.push_back(std::move(*call));
    }
    if (response_.finish_reason.empty()) response_.finish_reason = calls_.empty() ? "stop" : "tool_calls";
    return std::move(response_);
}

std::string error_message_in(std::string_view body) {
    boost::system::error_code failure;
    auto const parsed = json::parse(body.substr(0, 64 << 10), failure);
    if (failure || !parsed.is_object()) return {};
    auto const& object = parsed.get_object();
    auto const* error = member(object, "error");
    std::string_view text;
    if (error && error->is_object()) text = text_member(error->get_object(), "message");
    if (text.empty()) text = text_member(object, "error");
    if (text.empty()) text = text_member(object, "message");
    if (text.empty()) text = text_member(object, "detail");
    return shortened(text);
}

} // namespace gatehouse::app::models
