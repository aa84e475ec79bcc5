#include "app/models/openai_compatible.hpp"

#include "app/models/chat_completion.hpp"
#include "app/models/retry_after.hpp"
#include "app/models/sse_reader.hpp"

#include <fmt/format.h>

namespace gatehouse::app::models {
namespace {

using core::provider_error;
using turn_result = std::expected<core::model_response, provider_error>;

std::string endpoint_of(std::string_view base_url) {
    while (base_url.ends_with('/')) base_url.remove_suffix(1);
    return fmt::format("{}/chat/completions", base_url);
}

bool is_media_type(net::client_response_head const& head, std::string_view wanted) {
    auto const type = head.header("content-type").value_or("");
    return type.starts_with(wanted) &&
           (type.size() == wanted.size() || type[wanted.size()] == ';' || type[wanted.size()] == ' ');
}

} // namespace

openai_compatible::openai_compatible(net::io_loop& loop, core::clock const& time, openai_options options)
    : loop_(loop),
      time_(time),
      options_(std::move(options)),
      url_(endpoint_of(options_.base_url)),
      client_(loop, options_.http) {}

core::task<turn_result>
openai_compatible::turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) {
    // The deadline stops the turn the way a person would, and is told apart afterwards.
    core::cancellation stop_turn;
    auto const on_stop = stop.on_request([&stop_turn] { stop_turn.request(); });
    auto const timer =
        loop_.start_timer(loop_.now() + options_.turn_timeout, [&stop_turn] { stop_turn.request(); });
    auto result = co_await turn_without_deadline(request, sink, stop_turn);
    loop_.stop_timer(timer);
    if (!result && result.error().kind == "cancelled" && !stop.requested()) {
        result = std::unexpected(provider_error{
            "unavailable", fmt::format("{} took too long for the turn.", url_), true, std::nullopt
        });
    }
    co_return result;
}

core::task<turn_result> openai_compatible::turn_without_deadline(
    core::model_request const& request, core::text_sink& sink, core::cancellation& stop
) {
    net::client_request call{
        "POST",
        url_,
        {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}},
        encode_chat_request(request)
    };
    call.headers.insert(call.headers.end(), options_.headers.begin(), options_.headers.end());
    if (options_.api_key) call.headers.emplace_back("Authorization", "Bearer " + *options_.api_key);
    auto const opened = co_await client_.open(std::move(call), stop);
    if (!opened) co_return std::unexpected(broken(opened.error()));
    net::http_answer& answer = **opened;
    if (answer.head().status == 200 && is_media_type(answer.head(), "text/event-stream")) {
        co_return co_await read_stream(answer, sink, stop);
    }
    auto const body = co_await read_body(answer, stop);
    if (!body) co_return std::unexpected(body.error());
    if (answer.head().status != 200) co_return std::unexpected(refusal(answer.head(), *body));
    if (!is_media_type(answer.head(), "application/json")) {
        auto const type = answer.head().header("content-type").value_or("nothing");
        co_return std::unexpected(provider_error{
            "bad_response",
            fmt::format(
                "{} answers with {}, which is no chat completion. Is the base URL right?", url_, type
            ),
            false, std::nullopt
        });
    }
    chat_completion completion(sink);
    if (auto const taken = completion.take_whole(*body); !taken) co_return std::unexpected(taken.error());
    co_return completion.finish(true);
}

core::task<turn_result> openai_compatible::read_stream(
    net::http_answer& answer, core::text_sink& sink, core::cancellation& stop
) const {
    chat_completion completion(sink);
    sse_reader reader(options_.event_bytes_max);
    for (bool more = true; more;) {
        auto const piece = co_await answer.next_chunk(stop);
        if (!piece) co_return std::unexpected(broken(piece.error()));
        std::vector<sse_event> events;
        more = piece->has_value();
        if (!(more ? reader.feed(**piece, events) : reader.finish(events))) {
            co_return std::unexpected(provider_error{
                "bad_response", "One event of the model's stream is too large.", true, std::nullopt
            });
        }
        for (auto const& event : events) {
            if (event.data == "[DONE]") co_return completion.finish(true);
            if (event.data.empty()) continue;
            if (auto taken = completion.take_chunk(event.data); !taken) {
                taken.error().message = without_key(std::move(taken.error().message));
                co_return std::unexpected(std::move(taken.error()));
            }
        }
    }
    co_return completion.finish(false);
}

core::task<std::expected<std::string, provider_error>>
openai_compatible::read_body(net::http_answer& answer, core::cancellation& stop) const {
    std::string body;
    while (true) {
        auto const piece = co_await answer.next_chunk(stop);
        if (!piece) co_return std::unexpected(broken(piece.error()));
        if (!*piece) co_return body;
        body += **piece;
    }
}

provider_error
openai_compatible::refusal(net::client_response_head const& head, std::string_view body) const {
    auto const status = head.status;
    auto message = fmt::format("{} answered with HTTP {}", url_, status);
    if (auto const said = error_message_in(body); !said.empty()) message += ": " + said;
    provider_error error{"rejected", without_key(std::move(message)), false, std::nullopt};
    if (status == 429)
        error.kind = "rate_limited";
    else if (status == 408 || status >= 500)
        error.kind = "unavailable";
    error.retryable = error.kind != "rejected";
    if (auto const wait = head.header("retry-after"); wait && error.retryable) {
        error.retry_after = parse_retry_after(*wait, time_.now());
    }
    return error;
}

provider_error openai_compatible::broken(net::transport_error const& failure) const {
    using kind = net::transport_error::kind;
    auto message = fmt::format("{}: {}", url_, failure.message);
    switch (failure.what) {
    case kind::cancelled:
        return {"cancelled", "The turn was cancelled.", false, std::nullopt};
    case kind::bad_request:
    case kind::tls:
        return {"rejected", std::move(message), false, std::nullopt};
    case kind::protocol:
    case kind::too_large:
        return {"bad_response", std::move(message), true, std::nullopt};
    case kind::resolve:
    case kind::connect:
    case kind::timeout:
    case kind::closed:
        break;
    }
    return {"unavailable", std::move(message), true, std::nullopt};
}

// Some providers quote the key they refuse.
std::string openai_compatible::without_key(std::string text) const {
    if (!options_.api_key || options_.api_key->empty()) return text;
    for (auto at = text.find(*options_.api_key); at != std::string::npos;
         at = text.find(*options_.api_key, at)) {
        text.replace(at, options_.api_key->size(), "[key]");
        at += 5;
    }
    return text;
}

} // namespace gatehouse::app::models
