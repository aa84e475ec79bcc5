#include "app/sessions/authenticator.hpp"

#include "protocol/digest.hpp"

namespace gatehouse::app {

namespace {

// Addresses remembered at the most; the oldest windows go first when it is full.
constexpr std::size_t addresses_max = 10'000;

} // namespace

scope_set scopes_of(core::token const& t) {
    scope_set scopes;
    for (auto const& name : t.scopes)
        if (auto s = protocol::parse_scope(name)) scopes.add(*s);
    return scopes;
}

bool authenticator::count_failure(std::string const& address) {
    auto now = loop_.now();
    if (failures_.size() >= addresses_max) {
        std::erase_if(failures_, [&](auto const& each) { return now - each.second.since >= window; });
        if (failures_.size() >= addresses_max) failures_.clear();
    }
    auto& f = failures_[address];
    if (f.count == 0 || now - f.since >= window) f = {0, now};
    return ++f.count > failures_max_;
}

core::task<result<core::token>>
authenticator::authenticate(std::optional<std::string> presented, std::string address) {
    if (!presented) {
        co_return fail(errc::unauthenticated, "A token is needed: send it as 'Authorization: Bearer gth_…'.");
    }
    // The store finds the token by the hash of its text, so no comparison depends on the secret itself.
    auto unit = [hash = sha256_hex(*presented)](core::snapshot& view) {
        return view.tokens().find_by_hash(hash);
    };
    auto found = co_await db_.read(std::move(unit));
    bool is_live = found && !found->revoked_at && (!found->expires_at || *found->expires_at > time_.now());
    if (is_live) co_return std::move(*found);
    if (count_failure(address)) {
        co_return fail(errc::rate_limited, "Too many wrong tokens came from this address; wait a minute.");
    }
    co_return fail(
        errc::unauthenticated,
        found ? "The token was revoked or has expired." : "The token is not known here."
    );
}

} // namespace gatehouse::app
