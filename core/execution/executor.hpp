#pragma once
// The executor of core's coroutines: a pointer to a `loop` in the form Asio asks for, nothing more.
#include "core/execution/loop.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

namespace gatehouse::core {

class executor {
  public:
    explicit executor(loop& on) noexcept : loop_(&on) {}

    loop& get_loop() const noexcept { return *loop_; }

    // Runs `f` on the loop: at once where the caller stands on the loop and may be blocked by it, else soon.
    template <class F>
    void execute(F f) const {
        if (may_run_inside_ && loop_->is_current()) {
            f();
        } else {
            core::post(*loop_, std::move(f));
        }
    }

    executor require(boost::asio::execution::blocking_t::never_t) const noexcept { return {loop_, false}; }
    executor require(boost::asio::execution::blocking_t::possibly_t) const noexcept { return {loop_, true}; }

    static constexpr boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) noexcept {
        return boost::asio::execution::blocking_t::possibly_t();
    }

    friend bool operator==(executor const& a, executor const& b) noexcept {
        return a.loop_ == b.loop_ && a.may_run_inside_ == b.may_run_inside_;
    }
    friend bool operator!=(executor const& a, executor const& b) noexcept { return !(a == b); }

  private:
    executor(loop* on, bool may_run_inside) noexcept : loop_(on), may_run_inside_(may_run_inside) {}

    loop* loop_;
    bool may_run_inside_ = true;
};

} // namespace gatehouse::core
