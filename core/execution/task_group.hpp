#pragma once
// Owns coroutines from their start to their end. Whoever starts work in the background has one, and waits for
// it before it goes: a group that dies with a task still in it is a bug, and says so.
#include "core/execution/task.hpp"
#include "core/execution/wakeup.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cassert>
#include <cstddef>
#include <exception>
#include <functional>

namespace gatehouse::core {

// Loop only.
class task_group {
  public:
    // `on_failure` gets what a task threw; it must not throw itself.
    task_group(loop& on, std::function<void(std::exception_ptr)> on_failure)
        : loop_(on), empty_(on), on_failure_(std::move(on_failure)) {}
    task_group(task_group const&) = delete;
    task_group& operator=(task_group const&) = delete;
    ~task_group() { assert(running_ == 0 && "wait() for a task_group before it is destroyed"); }

    void spawn(task<> work) {
        ++running_;
        boost::asio::co_spawn(executor(loop_), std::move(work), [this](std::exception_ptr failure) {
            if (failure) on_failure_(failure);
            if (--running_ == 0) empty_.notify();
        });
    }

    std::size_t running() const noexcept { return running_; }

    // Returns when no task is running. Tasks are not asked to stop: whoever owns them does that first.
    task<> wait() {
        while (running_ != 0) co_await empty_.wait();
    }

  private:
    loop& loop_;
    wakeup empty_;
    std::function<void(std::exception_ptr)> on_failure_;
    std::size_t running_ = 0;
};

} // namespace gatehouse::core
