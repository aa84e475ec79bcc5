#pragma once
// The OpenAI chat completions format, without a socket: a turn's request as text, and the answer gathered
// from the pieces of a stream or from one document.
#include "core/ports/model.hpp"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app::models {

// The body of POST …/chat/completions, asking for a stream.
std::string encode_chat_request(core::model_request const& request);

// Gathers one answer. Every failure is a provider_error; after one, nothing more is fed.
class chat_completion {
  public:
    explicit chat_completion(core::text_sink& sink) : sink_(sink) {}

    // One "chat.completion.chunk" as it stands in a data line. Text goes to the sink at once.
    std::expected<void, core::provider_error> take_chunk(std::string_view json);

    // A whole "chat.completion", from servers that don't stream.
    std::expected<void, core::provider_error> take_whole(std::string_view json);

    // What was gathered. `ended_properly` is false where the stream broke off without the word "[DONE]": then
    // it counts only if the model said why it stopped.
    std::expected<core::model_response, core::provider_error> finish(bool ended_properly);

  private:
    struct call_in_pieces {
        std::int64_t index = 0;
        std::string id;
        std::string name;
        std::string arguments;
    };

    std::expected<void, core::provider_error>
    take_choice(boost::json::object const& choice, std::string_view part);
    std::expected<void, core::provider_error> take_calls(boost::json::value const& pieces);
    call_in_pieces* call_for(boost::json::object const& piece);
    void take_usage(boost::json::value const& usage);
    void take_text(std::string_view piece);
    std::expected<core::tool_request, core::provider_error>
    read_call(call_in_pieces const& call, std::size_t number) const;

    core::text_sink& sink_;
    core::model_response response_;
    std::vector<call_in_pieces> calls_;
};

// The sentence in an error body of whatever form, at most 300 bytes; empty where there is none.
std::string error_message_in(std::string_view body);

} // namespace gatehouse::app::models
