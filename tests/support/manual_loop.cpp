#include "tests/support/manual_loop.hpp"

#include <stdexcept>

namespace gatehouse::testing {

namespace {
// More than any test needs; what goes on beyond would go on for ever.
constexpr std::size_t jobs_max = 5'000'000;
} // namespace

manual_loop::~manual_loop() {
    // What is dropped may post and start timers while it goes.
    while (!jobs_.empty() || !timers_.empty()) {
        auto const jobs = std::exchange(jobs_, {});
        auto const timers = std::exchange(timers_, {});
    }
}

void manual_loop::post(std::unique_ptr<core::loop_task> job) {
    {
        std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    posted_.notify_one();
}

core::loop::timer_id manual_loop::start_timer(core::steady_time when, std::function<void()> job) {
    timer_id const id = ++last_timer_;
    timers_.emplace(std::pair(when, id), std::move(job));
    times_.emplace(id, when);
    return id;
}

void manual_loop::stop_timer(timer_id id) {
    auto const found = times_.find(id);
    if (found == times_.end()) return;
    timers_.erase({found->second, id});
    times_.erase(found);
}

bool manual_loop::run_one() {
    std::unique_ptr<core::loop_task> job;
    {
        std::lock_guard lock(mutex_);
        if (!jobs_.empty()) {
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
    }
    if (job) {
        job->run();
        return true;
    }
    if (timers_.empty() || timers_.begin()->first.first > now()) return false;
    auto timer = timers_.extract(timers_.begin());
    times_.erase(timer.key().second);
    timer.mapped()();
    return true;
}

std::size_t manual_loop::run_until_idle() {
    std::size_t ran = 0;
    while (run_one()) {
        if (++ran == jobs_max)
            throw std::runtime_error("the loop does not come to rest: its jobs post more for ever");
    }
    return ran;
}

void manual_loop::advance(std::chrono::nanoseconds by) {
    run_until_idle();
    core::steady_time const end = now() + by;
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
        elapsed_ns_ = (timers_.begin()->first.first - start).count();
        run_until_idle();
    }
    elapsed_ns_ = (end - start).count();
}

bool manual_loop::run_until(std::function<bool()> const& done, std::chrono::milliseconds patience) {
    while (true) {
        if (done()) return true;
        if (run_one()) continue;
        std::unique_lock lock(mutex_);
        if (!posted_.wait_for(lock, patience, [this] { return !jobs_.empty(); })) return false;
    }
}

bool manual_loop::advance_until(std::function<bool()> const& done, std::chrono::nanoseconds step) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!run_until(done, std::chrono::milliseconds(5))) {
        if (std::chrono::steady_clock::now() > end) return false;
        advance(step);
    }
    return true;
}

} // namespace gatehouse::testing
