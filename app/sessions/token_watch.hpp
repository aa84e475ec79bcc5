#pragma once
// What is open under a token ends with it: when it is revoked, or when its time is over.
#include "core/execution/loop.hpp"
#include "core/ports/clock.hpp"
#include "core/tokens/token_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gatehouse::app {

// Loop only.
class token_watch {
  public:
    // One connection or stream. Whoever holds it is told at most once, and not after it let go.
    class lease;

    token_watch(core::loop& on, core::clock const& time) : loop_(on), time_(time) {}

    // `ended` is called with the reason, in words for the peer; never inside this call.
    std::shared_ptr<lease> watch(core::token const& t, std::function<void(std::string)> ended);
    void revoked(std::string const& token_id);

  private:
    using lease_map = std::multimap<std::string, std::weak_ptr<lease>>; // by token id

    core::loop& loop_;
    core::clock const& time_;
    std::shared_ptr<lease_map> leases_ = std::make_shared<lease_map>(); // a lease may outlive the watch
};

class token_watch::lease {
  public:
    lease(core::loop& on, core::clock const& time, std::function<void(std::string)> ended)
        : loop_(on), time_(time), ended_(std::move(ended)) {}
    lease(lease const&) = delete;
    lease& operator=(lease const&) = delete;
    ~lease();

  private:
    friend class token_watch;
    void end_at(timestamp when);
    void end(std::string why);

    core::loop& loop_;
    core::clock const& time_;
    std::function<void(std::string)> ended_;
    core::loop::timer_id timer_ = 0;
    std::shared_ptr<lease_map> all_;
    lease_map::iterator mine_;
};

} // namespace gatehouse::app
