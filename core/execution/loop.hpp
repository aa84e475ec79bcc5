#pragma once
// The one thread on which core, protocol, handlers and sockets live, seen as narrowly as core needs it.
// In production it is backed by an io_context (app/io_loop.hpp), in simulation by a queue that a seed draws
// from.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace gatehouse::core {

// Monotonic time of the loop. Only differences mean anything; it never goes on a tape or into the store.
using steady_time = std::chrono::steady_clock::time_point;

// A function that runs once on the loop. Move-only, so that it may own a coroutine.
class loop_task {
  public:
    virtual ~loop_task() = default;
    virtual void run() = 0;
};

class loop {
  public:
    using timer_id = std::uint64_t;

    virtual ~loop() = default;

    // Runs `job` soon, never inside this call. Any thread.
    virtual void post(std::unique_ptr<loop_task> job) = 0;

    // True on the loop's own thread. Any thread.
    virtual bool is_current() const noexcept = 0;

    // Loop only. The time does not move while a job runs in simulation.
    virtual steady_time now() const = 0;

    // Runs `job` once at `when` or soon after. Loop only.
    virtual timer_id start_timer(steady_time when, std::function<void()> job) = 0;

    // Forgets a timer that has not fired; one that has fired is ignored. Loop only.
    virtual void stop_timer(timer_id id) = 0;
};

template <class F>
void post(loop& on, F job) {
    struct holder final : loop_task {
        explicit holder(F f) : f(std::move(f)) {}
        void run() override { f(); }
        F f;
    };
    on.post(std::make_unique<holder>(std::move(job)));
}

} // namespace gatehouse::core
