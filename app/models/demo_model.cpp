#include "app/models/demo_model.hpp"

#include "app/models/demo_script.hpp"
#include "core/execution/wakeup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace gatehouse::app::models {
namespace {

using turn_result = std::expected<core::model_response, core::provider_error>;

// The text of a turn, streamed word by word while it grows.
class spoken_text {
  public:
    explicit spoken_text(core::text_sink& sink) : sink_(sink) {}

    void say_line(std::string_view line) {
        if (!text_.empty()) say("\n");
        while (!line.empty()) {
            auto const end = std::min(line.find(' '), line.size() - 1) + 1;
            say(line.substr(0, end));
            ++words_;
            line.remove_prefix(end);
        }
    }

    std::string const& text() const { return text_; }
    std::int64_t words() const { return words_; }

  private:
    void say(std::string_view piece) {
        text_ += piece;
        sink_.on_text(piece);
    }

    core::text_sink& sink_;
    std::string text_;
    std::int64_t words_ = 0;
};

// False if it was cancelled first.
core::task<bool> pause_for(core::loop& on, std::chrono::milliseconds time, core::cancellation& stop) {
    core::wakeup woken(on);
    auto const listening = stop.on_request([&woken] { woken.notify(); });
    if (!stop.requested()) co_await woken.wait_until(on.now() + time);
    co_return !stop.requested();
}

core::provider_error cancelled() { return {"cancelled", "The turn was cancelled.", false, std::nullopt}; }

std::int64_t words_of(std::vector<core::model_message> const& messages) {
    std::int64_t words = 0;
    for (auto const& each : messages) words += std::ranges::count(each.text, ' ') + 1;
    return words;
}

// The first words of what was said first.
core::model_response name_conversation(core::model_request const& request) {
    constexpr int words_max = 6;
    core::model_response response;
    std::istringstream words(request.messages.empty() ? "" : request.messages.front().text);
    std::string word;
    for (int n = 0; n < words_max && words >> word; ++n) response.text += (n ? " " : "") + word;
    response.usage = {words_of(request.messages), words_max};
    response.finish_reason = "stop";
    return response;
}

} // namespace

core::task<turn_result>
demo_model::turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) {
    if (stop.requested()) co_return std::unexpected(cancelled());
    if (request.purpose == core::run_purpose::label) co_return name_conversation(request);
    auto const read = read_demo_turn(request.messages, request.run_id);
    if (!read) co_return std::unexpected(core::provider_error{"rejected", read.error(), false, std::nullopt});
    spoken_text spoken(sink);
    core::model_response response;
    std::int64_t failures_before = 0; // of the directives that came earlier in this turn
    for (auto const& directive : read->directives) {
        if (auto const* say = std::get_if<demo_say>(&directive)) {
            spoken.say_line(say->text);
        } else if (auto const* pause = std::get_if<demo_sleep>(&directive)) {
            if (!co_await pause_for(loop_, pause->time, stop)) co_return std::unexpected(cancelled());
        } else if (auto const* failure = std::get_if<demo_fail>(&directive)) {
            failures_before += failure->times;
            if (failure->permanent) {
                co_return std::unexpected(
                    core::provider_error{"rejected", "The demo model was told to fail.", false, std::nullopt}
                );
            }
            if (request.attempt < failures_before) {
                auto const why =
                    fmt::format("The demo model was told to fail: attempt {}.", request.attempt + 1);
                co_return std::unexpected(core::provider_error{"unavailable", why, true, std::nullopt});
            }
        } else if (auto const* call = std::get_if<demo_call>(&directive)) {
            auto id = fmt::format("call_{}_{}", read->turns_before + 1, response.tool_calls.size() + 1);
            response.tool_calls.push_back({std::move(id), call->tool, call->arguments});
        }
    }
    if (!read->run_has_directives) spoken.say_line("You said: " + read->plain_text);
    if (response.tool_calls.empty()) {
        for (auto const& output : read->tool_outputs) spoken.say_line(output);
    }
    response.text = spoken.text();
    response.usage = {words_of(request.messages), spoken.words()};
    response.finish_reason = response.tool_calls.empty() ? "stop" : "tool_calls";
    co_return response;
}

} // namespace gatehouse::app::models
