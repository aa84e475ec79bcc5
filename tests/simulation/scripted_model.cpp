#include "tests/simulation/scripted_model.hpp"

#include "core/execution/wakeup.hpp"

#include <algorithm>

namespace gatehouse::simulation {

core::task<std::expected<core::model_response, core::provider_error>>
scripted_model::turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) {
    auto& luck = schedule_.luck();
    core::wakeup stopped(loop_);
    auto heard = stop.on_request([&] { stopped.notify(); });
    auto const answer_at = loop_.now() + luck.between({}, habits_.thinks_max);
    while (!stop.requested() && loop_.now() < answer_at) co_await stopped.wait_until(answer_at);
    if (stop.requested())
        co_return std::unexpected(core::provider_error{"cancelled", "It was cancelled.", false, {}});
    if (luck.per_mille(habits_.fails)) {
        core::provider_error away{"unavailable", "It is away.", true, {}};
        if (luck.per_mille(300)) away.retry_after = std::chrono::milliseconds(luck.below(300));
        co_return std::unexpected(std::move(away));
    }
    if (luck.per_mille(habits_.rejects))
        co_return std::unexpected(core::provider_error{"rejected", "It won't.", false, {}});
    auto response = respond(request);
    sink.on_text(response.text);
    co_return response;
}

core::model_response scripted_model::respond(core::model_request const& request) {
    auto& luck = schedule_.luck();
    auto const made = std::ranges::count_if(request.messages, [&](auto const& m) {
        return m.role == "tool" && m.run_id == request.run_id;
    });
    core::model_response response;
    response.text = "said " + std::to_string(luck.below(1'000'000));
    response.usage = {1, 2};
    response.finish_reason = "stop";
    bool const is_tired = made >= static_cast<std::ptrdiff_t>(habits_.calls_per_run_max);
    if (is_tired || habits_.tools.empty() || luck.per_mille(350)) return response;
    auto const calls = 1 + luck.below(habits_.calls_per_turn_max);
    for (std::size_t i = 0; i < calls; ++i) {
        core::tool_request call;
        call.call_id = "c" + std::to_string(i);
        call.tool = habits_.tools[luck.below(habits_.tools.size())];
        call.arguments["path"] = std::to_string(luck.below(1'000));
        response.tool_calls.push_back(std::move(call));
    }
    response.finish_reason = "tool_calls";
    return response;
}

} // namespace gatehouse::simulation
