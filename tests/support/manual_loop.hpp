#pragma once
// A core::loop for tests: jobs run in the order they were posted, and time passes only when the test lets it.
#include "core/execution/loop.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace gatehouse::testing {

// Belongs to the thread that made it, which is the one it runs jobs on; post() comes from any.
class manual_loop final : public core::loop {
  public:
    manual_loop() = default;
    manual_loop(manual_loop const&) = delete;
    manual_loop& operator=(manual_loop const&) = delete;
    // Jobs and timers that have not run are dropped.
    ~manual_loop() override;

    void post(std::unique_ptr<core::loop_task> job) override;
    bool is_current() const noexcept override { return std::this_thread::get_id() == owner_; }
    core::steady_time now() const override { return start + elapsed(); }
    timer_id start_timer(core::steady_time when, std::function<void()> job) override;
    void stop_timer(timer_id id) override;

    // Runs what is posted and what is due, and what that posts, until nothing is left. Time stands still.
    // Returns the number of jobs that ran. Throws std::runtime_error where it finds no end.
    std::size_t run_until_idle();

    // Lets `by` pass: each timer fires at its own time, with everything run that follows from it. Runs what
    // is posted first.
    void advance(std::chrono::nanoseconds by);

    // Runs jobs until `done()` is true, waiting for other threads (a database's) to post some. Time stands
    // still. False if nothing more came for `patience` of real time.
    bool run_until(
        std::function<bool()> const& done, std::chrono::milliseconds patience = std::chrono::seconds(10)
    );

    // The same, but lets `step` pass whenever nothing was posted for a moment.
    bool advance_until(std::function<bool()> const& done, std::chrono::nanoseconds step);

    // Since the loop was made. Any thread.
    std::chrono::nanoseconds elapsed() const { return std::chrono::nanoseconds(elapsed_ns_.load()); }

    std::size_t timers() const { return timers_.size(); }

  private:
    static constexpr core::steady_time start{std::chrono::hours(1)};

    bool run_one();

    std::thread::id const owner_ = std::this_thread::get_id();
    std::atomic<std::int64_t> elapsed_ns_ = 0;

    std::mutex mutex_; // of the queue
    std::condition_variable posted_;
    std::deque<std::unique_ptr<core::loop_task>> jobs_;

    // By time, then in the order they were started.
    std::map<std::pair<core::steady_time, timer_id>, std::function<void()>> timers_;
    std::map<timer_id, core::steady_time> times_;
    timer_id last_timer_ = 0;
};

} // namespace gatehouse::testing
