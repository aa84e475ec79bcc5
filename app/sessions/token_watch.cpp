#include "app/sessions/token_watch.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace gatehouse::app {

namespace {
// The wall clock may be set while a timer of the loop runs, so a long one is looked at in between.
constexpr std::chrono::milliseconds longest_wait{60'000};
} // namespace

std::shared_ptr<token_watch::lease>
token_watch::watch(core::token const& t, std::function<void(std::string)> ended) {
    auto made = std::make_shared<lease>(loop_, time_, std::move(ended));
    made->all_ = leases_;
    made->mine_ = leases_->emplace(t.token_id, made);
    // An invite opens the door only: the device that came in by it waits for its pairing, which has an end of
    // its own, and works on after it.
    if (t.expires_at && t.kind != "invite") made->end_at(*t.expires_at);
    return made;
}

void token_watch::revoked(std::string const& token_id) {
    auto [first, last] = leases_->equal_range(token_id);
    std::vector<std::shared_ptr<lease>> told; // who is told may let go of others
    for (; first != last; ++first)
        if (auto each = first->second.lock()) told.push_back(std::move(each));
    for (auto const& each : told) each->end("the token was revoked");
}

token_watch::lease::~lease() {
    if (timer_ != 0) loop_.stop_timer(timer_);
    all_->erase(mine_);
}

void token_watch::lease::end_at(timestamp when) {
    auto left = std::clamp(when - time_.now(), std::chrono::milliseconds(0), longest_wait);
    timer_ = loop_.start_timer(loop_.now() + left, [this, when] {
        timer_ = 0;
        if (time_.now() < when) return end_at(when);
        end("the token has expired");
    });
}

void token_watch::lease::end(std::string why) {
    if (auto tell = std::exchange(ended_, nullptr)) tell(std::move(why));
}

} // namespace gatehouse::app
