#pragma once
// Tokens: whose they are, and how many wrong ones an address may try.
#include "app/dispatch/caller.hpp"
#include "core/ports/clock.hpp"
#include "core/storage/database.hpp"
#include "core/tokens/token_store.hpp"
#include "protocol/error.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse::app {

// Loop only.
class authenticator {
  public:
    authenticator(core::loop& on, core::database& db, core::clock const& time, std::int64_t failures_max)
        : loop_(on), db_(db), time_(time), failures_max_(failures_max) {}

    // unauthenticated: missing, wrong, revoked or expired; rate_limited: the same from an address that tried
    // too many. A right token is let in from any address, so nobody locks its owner out.
    core::task<result<core::token>> authenticate(std::optional<std::string> presented, std::string address);

    // A wrong credential of another kind came from the address, which counts as a wrong token does. True:
    // there were too many.
    bool count_failure(std::string const& address);

    // Seconds an address should wait after rate_limited.
    static constexpr std::chrono::seconds window{60};

  private:
    struct failures {
        std::int64_t count = 0;
        core::steady_time since{};
    };

    core::loop& loop_;
    core::database& db_;
    core::clock const& time_;
    std::int64_t failures_max_;
    std::unordered_map<std::string, failures> failures_;
};

// What a token lets its bearer do.
scope_set scopes_of(core::token const& t);

} // namespace gatehouse::app
