#include "core/triggers/fire_hook.hpp"

#include "core/secrets/secret_filter.hpp"
#include "protocol/digest.hpp"
#include "protocol/encoding.hpp"

#include <charconv>
#include <string_view>

namespace gatehouse::core {

namespace {

constexpr std::chrono::seconds clock_difference_max{300};
// What is computed with where there is no such hook, so that the answer takes as long.
constexpr std::string_view decoy_secret = "no hook has this secret";

bool is_signed_with(std::string_view secret, hook_request const& request) {
    constexpr std::string_view prefix = "sha256=";
    auto expected = hmac_sha256(secret, request.sent_at + "." + request.nonce + "." + request.body);
    if (!request.signature.starts_with(prefix)) return false;
    auto given = hex_decode(std::string_view(request.signature).substr(prefix.size()));
    return given && constant_time_equal(*given, expected);
}

bool is_recent(std::string const& sent_at, timestamp now) {
    std::int64_t seconds = 0;
    auto [end, failure] = std::from_chars(sent_at.data(), sent_at.data() + sent_at.size(), seconds);
    if (failure != std::errc() || end != sent_at.data() + sent_at.size()) return false;
    auto const now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    return seconds >= now_s - clock_difference_max.count() && seconds <= now_s + clock_difference_max.count();
}

// The hook whose secret the request is signed with.
result<trigger> authenticate(snapshot const& view, hook_request const& request) {
    auto found = view.triggers().find(request.name);
    bool is_hook = found && found->secret;
    if (!is_signed_with(is_hook ? *found->secret : decoy_secret, request) || !is_hook) {
        return fail(
            errc::unauthenticated, "There is no such hook, or X-Gatehouse-Signature is not "
                                   "'sha256=' and the hex HMAC of timestamp, nonce and body."
        );
    }
    return *found;
}

} // namespace

result<trigger> check_hook(snapshot const& view, hook_request const& request) {
    auto found = authenticate(view, request);
    // What was answered before is answered again, also after the hook was disabled.
    if (found && !found->enabled && !view.triggers().find_firing(found->trigger_id, request.nonce))
        return fail(errc::wrong_state, "The trigger '" + found->name + "' is disabled.");
    return found;
}

result<trigger_firing> fire_hook(
    transaction& tx, hook_request const& request, boost::json::object hook, run_settings const& settings
) {
    auto t = check_hook(tx, request);
    if (!t) return std::unexpected(t.error());
    if (!is_recent(request.sent_at, tx.now())) {
        return fail(
            errc::unauthenticated,
            "X-Gatehouse-Timestamp is not within 300 seconds of the gateway's time, in Unix seconds."
        );
    }
    secret_filter({*t->secret}).clean(hook);
    auto fired = fire_slot(tx, *t, {request.nonce, tx.now(), std::move(hook)}, settings);
    // In a statement of its own: the one that found the nonce used may have waited for its row.
    return fired ? *fired : *tx.triggers().find_firing(t->trigger_id, request.nonce);
}

} // namespace gatehouse::core
