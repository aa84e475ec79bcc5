#include "tests/simulation/simulated_loop.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace gatehouse::simulation {

namespace {

constexpr core::steady_time start{std::chrono::hours(1)};
constexpr int jobs_alone_max = 100'000;

} // namespace

schedule::schedule(std::uint64_t seed, std::size_t lines_kept) : luck_(seed), trace_(lines_kept) {
    using namespace std::chrono_literals;
    // In some worlds jobs run in the order they were posted, in others the order is anybody's.
    static constexpr std::array<std::chrono::nanoseconds, 4> choices{0ns, 5us, 300us, 4ms};
    jitter_max_ = choices[luck_.below(choices.size())];
}

void schedule::run_until(std::chrono::nanoseconds end) {
    for (;;) {
        simulated_loop* next = nullptr;
        simulated_loop::entry const* earliest = nullptr;
        for (auto* each : loops_) {
            auto const* first = each->frozen_ ? nullptr : each->first();
            if (first && (!earliest || first->due_ns < earliest->due_ns)) {
                earliest = first;
                next = each;
            }
        }
        if (!earliest || earliest->due_ns > end.count()) break;
        elapsed_ = std::max(elapsed_, std::chrono::nanoseconds(earliest->due_ns));
        ++jobs_run_;
        next->run_first();
    }
    elapsed_ = std::max(elapsed_, end);
}

simulated_loop::simulated_loop(schedule& in) : schedule_(in) { schedule_.loops_.push_back(this); }

simulated_loop::~simulated_loop() { std::erase(schedule_.loops_, this); }

core::steady_time simulated_loop::now() const { return start + (alone_ ? own_elapsed_ : schedule_.elapsed_); }

void simulated_loop::post(std::unique_ptr<core::loop_task> job) {
    auto due = now() - start;
    if (!alone_) due += schedule_.luck_.between(std::chrono::nanoseconds(0), schedule_.jitter_max_);
    put(due.count(), std::move(job), nullptr);
}

core::loop::timer_id simulated_loop::start_timer(core::steady_time when, std::function<void()> job) {
    return put((when - start).count(), nullptr, std::move(job));
}

core::loop::timer_id
simulated_loop::put(std::int64_t due_ns, std::unique_ptr<core::loop_task> task, std::function<void()> timer) {
    std::uint32_t at = 0;
    if (free_slots_.empty()) {
        at = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        at = free_slots_.back();
        free_slots_.pop_back();
    }
    auto& place = slots_[at];
    place.task = std::move(task);
    place.timer = std::move(timer);
    heap_.push_back({due_ns, ++last_number_, at});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    return (timer_id{place.generation} << 32) | at;
}

// Its place in the heap stays until its time has come.
void simulated_loop::stop_timer(timer_id id) {
    auto& place = slots_.at(static_cast<std::uint32_t>(id));
    if (place.generation == static_cast<std::uint32_t>(id >> 32)) place.timer = nullptr;
}

simulated_loop::entry const* simulated_loop::first() {
    while (!heap_.empty()) {
        auto& place = slots_[heap_.front().slot];
        if (place.task || place.timer) return &heap_.front();
        ++place.generation;
        free_slots_.push_back(heap_.front().slot);
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        heap_.pop_back();
    }
    return nullptr;
}

void simulated_loop::run_first() {
    auto const at = heap_.front().slot;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    auto task = std::move(slots_[at].task);
    auto timer = std::exchange(slots_[at].timer, nullptr);
    ++slots_[at].generation;
    free_slots_.push_back(at);
    auto* const outer = std::exchange(schedule_.current_, this);
    if (task)
        task->run();
    else
        timer();
    schedule_.current_ = outer;
}

void simulated_loop::run_alone() {
    std::erase(schedule_.loops_, this);
    if (!std::exchange(alone_, true)) own_elapsed_ = schedule_.elapsed_;
    frozen_ = false;
    for (int ran = 0; auto const* next = first(); ++ran) {
        if (ran == jobs_alone_max) throw std::runtime_error("a process that stops finds no end");
        own_elapsed_ = std::max(own_elapsed_, std::chrono::nanoseconds(next->due_ns));
        run_first();
    }
}

} // namespace gatehouse::simulation
