#pragma once
// Virtual time, and the loops that live in it. One job runs at a time, whichever loop has the earliest; how
// long a job waits for its turn is drawn from the seed.
#include "core/execution/loop.hpp"
#include "core/ports/clock.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/trace.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace gatehouse::simulation {

class simulated_loop;

class schedule {
  public:
    // `lines_kept` of the trace.
    schedule(std::uint64_t seed, std::size_t lines_kept);

    dice& luck() { return luck_; }
    std::chrono::nanoseconds elapsed() const { return elapsed_; }
    trace const& what_happened() const { return trace_; }

    template <class... Words>
    void note(Words const&... words) {
        trace_.note(elapsed_.count(), words...);
    }

    // Runs everything that is due up to `end`, in the order of time; the time is `end` afterwards.
    void run_until(std::chrono::nanoseconds end);

    std::uint64_t jobs_run() const { return jobs_run_; }

  private:
    friend class simulated_loop;

    dice luck_;
    trace trace_;
    std::vector<simulated_loop*> loops_;
    simulated_loop* current_ = nullptr;
    std::chrono::nanoseconds elapsed_{0};
    std::chrono::nanoseconds jitter_max_;
    std::uint64_t jobs_run_ = 0;
};

// The loop of one process.
class simulated_loop final : public core::loop {
  public:
    explicit simulated_loop(schedule& in);
    ~simulated_loop() override;
    simulated_loop(simulated_loop const&) = delete;
    simulated_loop& operator=(simulated_loop const&) = delete;

    void post(std::unique_ptr<core::loop_task> job) override;
    bool is_current() const noexcept override { return schedule_.current_ == this; }
    core::steady_time now() const override;
    timer_id start_timer(core::steady_time when, std::function<void()> job) override;
    void stop_timer(timer_id id) override;

    void after(std::chrono::nanoseconds delay, std::function<void()> job) {
        start_timer(now() + delay, std::move(job));
    }

    // The process is stopped: nothing of it runs until thaw(), and then everything that came due meanwhile.
    void freeze() { frozen_ = true; }
    void thaw() { frozen_ = false; }
    bool is_frozen() const { return frozen_; }

    // Leaves the schedule: what is left runs here and now, in a time of its own, until nothing is left.
    void run_alone();

  private:
    friend class schedule;

    struct entry {
        std::int64_t due_ns;
        std::uint64_t number;
        std::uint32_t slot;
        bool operator>(entry const& other) const {
            return due_ns != other.due_ns ? due_ns > other.due_ns : number > other.number;
        }
    };
    struct slot {
        std::unique_ptr<core::loop_task> task;
        std::function<void()> timer;
        std::uint32_t generation = 0;
    };

    timer_id put(std::int64_t due_ns, std::unique_ptr<core::loop_task> task, std::function<void()> timer);
    // The earliest that was not stopped; null where there is none.
    entry const* first();
    void run_first();

    schedule& schedule_;
    std::vector<entry> heap_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::uint64_t last_number_ = 0;
    bool frozen_ = false;
    bool alone_ = false;
    std::chrono::nanoseconds own_elapsed_{0};
};

// Wall-clock time in a simulated world, and somebody's clock that is off by some.
class simulated_clock final : public core::clock {
  public:
    static constexpr timestamp new_year{std::chrono::milliseconds(1767225600000)};

    explicit simulated_clock(schedule const& in, std::chrono::milliseconds off_by = {})
        : schedule_(&in), off_by_(off_by) {}
    timestamp now() const override {
        return new_year + off_by_ + std::chrono::floor<std::chrono::milliseconds>(schedule_->elapsed());
    }

  private:
    schedule const* schedule_;
    std::chrono::milliseconds off_by_;
};

} // namespace gatehouse::simulation
