#pragma once
#include "core/execution/stay_awake.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

namespace gatehouse::persistence {

// Units on their way from the loop to the database threads, first in, first out. Any thread.
template <class Unit>
class unit_queue {
  public:
    // `is_quick`: the next unit may well be here before a thread that waits for it has fallen asleep.
    unit_queue(std::size_t units_max, bool is_quick) : units_max_(units_max), is_quick_(is_quick) {}

    enum class refusal { none, full, closed };

    refusal push(Unit& one) {
        {
            std::lock_guard const lock(mutex_);
            if (closed_) return refusal::closed;
            if (waiting_.size() >= units_max_) return refusal::full;
            waiting_.push_back(&one);
            is_empty_.store(false, std::memory_order_relaxed);
        }
        changed_.notify_one();
        return refusal::none;
    }

    // Waits for units and takes up to `count` of them; none once the queue is closed and empty.
    std::vector<Unit*> take(std::size_t count) {
        if (is_quick_) core::stay_awake_until([this] { return !is_empty_.load(std::memory_order_relaxed); });
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
        auto const end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(count, waiting_.size()));
        std::vector<Unit*> taken(waiting_.begin(), end);
        waiting_.erase(waiting_.begin(), end);
        is_empty_.store(waiting_.empty(), std::memory_order_relaxed);
        return taken;
    }

    // Nothing more is taken in; what waits is still handed out.
    void close() {
        {
            std::lock_guard const lock(mutex_);
            closed_ = true;
        }
        changed_.notify_all();
    }

  private:
    std::size_t const units_max_;
    bool const is_quick_;
    std::atomic<bool> is_empty_ = true; // a hint, kept under the mutex and read without it
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Unit*> waiting_;
    bool closed_ = false;
};

} // namespace gatehouse::persistence
