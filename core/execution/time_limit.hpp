#pragma once
#include "core/execution/cancellation.hpp"
#include "core/execution/loop.hpp"

namespace gatehouse::core {

// A cancellation that asks by itself at a time, unless it has gone by then. Loop only.
class time_limit {
  public:
    time_limit(loop& on, steady_time when)
        : loop_(on), timer_(on.start_timer(when, [this] { stop_.request(); })) {}
    time_limit(time_limit const&) = delete;
    time_limit& operator=(time_limit const&) = delete;
    ~time_limit() { loop_.stop_timer(timer_); }

    cancellation& stop() { return stop_; }

  private:
    loop& loop_;
    cancellation stop_;
    loop::timer_id timer_;
};

} // namespace gatehouse::core
