#pragma once
// A model behind an HTTP server that speaks OpenAI's chat completions: a hosted provider with a key, or a
// local model server without one.
#include "app/net/http_client.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/model.hpp"

#include <optional>
#include <string>

namespace gatehouse::app::models {

struct openai_options {
    std::string base_url;               // "https://api.openai.com/v1"; the rest of the path is added
    std::optional<std::string> api_key; // the key itself; it never stands in a log or in a message
    net::http_headers headers;          // sent with every request
    std::chrono::milliseconds turn_timeout{600'000};
    std::size_t event_bytes_max = 1 << 20;
    net::http_client_options http; // head_timeout bounds the wait for the first piece
};

// Loop only.
class openai_compatible final : public core::model {
  public:
    openai_compatible(net::io_loop& loop, core::clock const& time, openai_options options);

    core::task<std::expected<core::model_response, core::provider_error>>
    turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) override;

  private:
    core::task<std::expected<core::model_response, core::provider_error>> turn_without_deadline(
        core::model_request const& request, core::text_sink& sink, core::cancellation& stop
    );
    core::provider_error refusal(net::client_response_head const& head, std::string_view body) const;
    core::provider_error broken(net::transport_error const& failure) const;
    std::string without_key(std::string text) const;
    core::task<std::expected<std::string, core::provider_error>>
    read_body(net::http_answer& answer, core::cancellation& stop) const;
    core::task<std::expected<core::model_response, core::provider_error>>
    read_stream(net::http_answer& answer, core::text_sink& sink, core::cancellation& stop) const;

    net::io_loop& loop_;
    core::clock const& time_;
    openai_options options_;
    std::string url_;
    net::http_client client_;
};

} // namespace gatehouse::app::models
