#include "tests/simulation/simulated_clients.hpp"

#include <algorithm>

namespace gatehouse::simulation {

using namespace std::chrono_literals;

std::string simulated_clients::request(std::string method, boost::json::object params) {
    auto key = "key" + std::to_string(requests_.size() + 1);
    if (method == "run.start") params["input"] = {{"text", key}};
    if (method == "run.input") params["text"] = key;
    auto text = method == "message.route" ? std::string(params.at("text").as_string()) : key;
    auto& made = requests_.emplace_back(
        client_request{std::move(method), std::move(params), key, std::move(text), 0, {}, {}, {}}
    );
    schedule_.note("a client wants", made.method, key);
    send(made);
    if (schedule_.luck().per_mille(100)) send(made);
    return key;
}

bool simulated_clients::all_done() const {
    return std::ranges::all_of(requests_, [](auto const& r) { return r.done; });
}

void simulated_clients::send(client_request& request) {
    auto& luck = schedule_.luck();
    if (request.done) return;
    ++request.sent;
    // Who has no answer asks again, and does not know whether the first one is still on its way.
    outside_.after(luck.between(200ms, 900ms), [this, &request] { send(request); });
    auto* to = choose_instance_();
    if (!to) return;
    to->loop().after(luck.between(50us, 5ms), [this, to, &request] {
        auto on_reply = [this, &request](result<std::string> reply) {
            outside_.after(schedule_.luck().between(50us, 5ms), [this, &request, reply = std::move(reply)] {
                take(request, reply);
            });
        };
        to->call(request.method, request.params, request.key, on_reply);
    });
}

void simulated_clients::take(client_request& request, result<std::string> reply) {
    if (reply) {
        request.replies.push_back(*reply);
        request.done = true;
        schedule_.note(request.key, "is answered:", *reply);
    } else if (!is_retryable(reply.error().code) && !request.done) {
        request.refused = reply.error().code;
        request.done = true;
        schedule_.note(request.key, "is refused:", kind_of(reply.error().code));
    }
}

} // namespace gatehouse::simulation
