#pragma once
// The way from the loop to the database threads and back. A unit is a plain function of a transaction (or of
// a snapshot, to read): it runs on a database thread, may run more than once, and touches nothing but what it
// captured by value and the transaction. It draws ids and times before it starts.
#include "core/execution/task.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <boost/asio/async_result.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>

namespace gatehouse::core {

// The store cannot be reached or will not answer in time. The dispatcher answers `unavailable`.
struct store_unavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// More is waiting for the store than it may. The dispatcher answers `busy`.
struct store_busy : std::runtime_error {
    using std::runtime_error::runtime_error;
};

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;
} // namespace detail

class database {
  public:
    virtual ~database() = default;

    // Runs `unit` in a transaction of its own or as part of a group, and returns after the commit. A unit
    // that returns an error or throws is rolled back, alone. Loop only.
    template <class F>
    task<std::invoke_result_t<F&, transaction&>> write(F unit) {
        co_return co_await run<std::invoke_result_t<F&, transaction&>, transaction>(
            std::move(unit), &database::enqueue
        );
    }

    // The same, with nothing long in front of it: for what renews or ends a lease. Loop only.
    template <class F>
    task<std::invoke_result_t<F&, transaction&>> write_urgently(F unit) {
        co_return co_await run<std::invoke_result_t<F&, transaction&>, transaction>(
            std::move(unit), &database::enqueue_urgent
        );
    }

    // Runs `unit` on one consistent snapshot. Loop only.
    template <class F>
    task<std::invoke_result_t<F&, snapshot&>> read(F unit) {
        co_return co_await run<std::invoke_result_t<F&, snapshot&>, snapshot>(
            std::move(unit), &database::enqueue
        );
    }

    // Somebody on the loop waits for a unit.
    class waiting_unit {
      public:
        virtual ~waiting_unit() = default;
        // Called once, in a job of the loop, when the outcome is durable or `failure` says why there is none.
        virtual void finished(std::exception_ptr failure) = 0;
    };
    // A unit of work as the database threads see it.
    template <class Access>
    class unit : public waiting_unit {
      public:
        // True: commit. False: roll back, the unit has an error to return. May be called again after a retry.
        virtual bool run(Access&) = 0;
    };

    // The unit stays alive until finished() was called.
    virtual void enqueue(unit<transaction>& work) = 0;
    virtual void enqueue(unit<snapshot>& work) = 0;
    virtual void enqueue_urgent(unit<transaction>& work) { enqueue(work); }

  private:
    template <class T, class Access, class F>
    task<T> run(F work, void (database::*take_in)(unit<Access>&)) {
        struct job final : unit<Access> {
            explicit job(F f) : work(std::move(f)) {}
            bool run(Access& access) override {
                if constexpr (std::is_void_v<T>) {
                    work(access);
                    outcome.emplace(true);
                    return true;
                } else {
                    outcome.emplace(work(access));
                    if constexpr (detail::is_result<T>) return outcome->has_value();
                    return true;
                }
            }
            void finished(std::exception_ptr why) override {
                failure = std::move(why);
                // The coroutine goes on inside the call, and with it ends this job.
                auto resume_once = std::move(resume);
                resume_once();
            }
            F work;
            std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> outcome;
            std::exception_ptr failure;
            std::function<void()> resume;
        };
        job mine(std::move(work));
        auto start = [this, &mine, take_in](auto handler) {
            auto held = std::make_shared<decltype(handler)>(std::move(handler));
            mine.resume = [held = std::move(held)] { std::move (*held)(); };
            (this->*take_in)(mine);
        };
        co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<executor> const, void()>(
            std::move(start), use_task
        );
        if (mine.failure) std::rethrow_exception(mine.failure);
        if constexpr (!std::is_void_v<T>) co_return std::move(*mine.outcome);
    }
};

} // namespace gatehouse::core
