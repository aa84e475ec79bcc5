#pragma once
// Webhooks: who knows a hook's secret may fire it, once for each nonce. Database thread.
#include "core/triggers/fire_trigger.hpp"

#include <optional>
#include <string>

namespace gatehouse::core {

// A request as it came; headers that were not there are empty.
struct hook_request {
    std::string name;      // of the trigger
    std::string signature; // "sha256=" and the HMAC in hex
    std::string sent_at;   // Unix seconds
    std::string nonce;
    std::string content_type;
    std::string body;
};

// unauthenticated: no such hook, which is not told from a wrong signature. wrong_state: it is disabled.
// Nothing is said about the time: for a moment after a process's clock was set, a snapshot's is wrong.
result<trigger> check_hook(snapshot const& view, hook_request const& request);

// Checks once more and fires. unauthenticated also where the request's time is off by more than 300 s. A
// nonce that was used before is answered with what it led to. `hook` is what of the request reaches the run;
// the hook's own secret is taken out of it.
result<trigger_firing> fire_hook(
    transaction& tx, hook_request const& request, boost::json::object hook, run_settings const& settings
);

} // namespace gatehouse::core
