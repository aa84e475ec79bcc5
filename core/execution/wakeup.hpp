#pragma once
// A wake-up carries no data, so none can be lost with it: the waiter looks at the state it waited for again.
#include "core/execution/task.hpp"

#include <boost/asio/async_result.hpp>

#include <list>
#include <memory>
#include <optional>

namespace gatehouse::core {

// Loop only. Any number of tasks may wait; all of them are woken together.
class wakeup {
  public:
    explicit wakeup(loop& on) : loop_(on) {}
    wakeup(wakeup const&) = delete;
    wakeup& operator=(wakeup const&) = delete;

    // Wakes every task that waits now. Who comes later waits for the next call.
    void notify();

    // Waits for the next notify().
    task<> wait();

    // Waits for the next notify() or for `deadline`, whichever comes first. True if it was notified.
    task<bool> wait_until(steady_time deadline);

  private:
    struct waiter;
    task<bool> wait_for_notify_or(std::optional<steady_time> deadline);

    loop& loop_;
    std::list<std::shared_ptr<waiter>> waiters_;
};

} // namespace gatehouse::core
