#include "core/execution/wakeup.hpp"

#include <utility>

namespace gatehouse::core {

// Lives until it was resumed once, by notify() or by its timer; the other one finds `resume` empty.
struct wakeup::waiter {
    std::function<void(bool)> resume;
    std::optional<loop::timer_id> timer;
};

void wakeup::notify() {
    auto woken = std::exchange(waiters_, {});
    for (auto const& each : woken) {
        if (each->timer) loop_.stop_timer(*each->timer);
        if (auto resume = std::exchange(each->resume, nullptr)) resume(true);
    }
}

task<> wakeup::wait() { co_await wait_for_notify_or(std::nullopt); }

task<bool> wakeup::wait_until(steady_time deadline) { co_return co_await wait_for_notify_or(deadline); }

task<bool> wakeup::wait_for_notify_or(std::optional<steady_time> deadline) {
    auto start = [this, deadline](auto handler) {
        auto held = std::make_shared<decltype(handler)>(std::move(handler));
        auto me = std::make_shared<waiter>();
        me->resume = [held, &on = loop_](bool notified) {
            core::post(on, [held, notified]() mutable { std::move (*held)(notified); });
        };
        waiters_.push_back(me);
        if (deadline) {
            me->timer = loop_.start_timer(*deadline, [this, me] {
                waiters_.remove(me);
                if (auto resume = std::exchange(me->resume, nullptr)) resume(false);
            });
        }
    };
    co_return co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<executor> const, void(bool)>(
        std::move(start), use_task
    );
}

} // namespace gatehouse::core
