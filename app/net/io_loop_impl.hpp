#pragma once
// The inside of io_loop, for the files of app/net that open sockets on it.
#include "app/net/io_loop.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace gatehouse::app::net {

using io_executor = boost::asio::io_context::executor_type;

struct io_loop::impl {
    using steady_clock = core::steady_time::clock;
    using alarm_clock =
        boost::asio::basic_waitable_timer<steady_clock, boost::asio::wait_traits<steady_clock>, io_executor>;
    struct timer {
        timer_id id;
        std::function<void()> job;
    };
    using timer_queue = std::multimap<core::steady_time, timer>;

    // The maps stand before the io_context: what it destroys last may still stop a timer.
    timer_queue timers;
    std::unordered_map<timer_id, timer_queue::iterator> timers_by_id;
    timer_id last_timer_id = 0;
    std::vector<std::function<void()>> end_of_turn;
    std::vector<std::function<void()>> ending; // end_of_turn of the turn that ends; kept for its capacity
    std::function<bool()> expects_work;
    std::atomic<std::thread::id> thread;
    std::atomic<bool> stop_requested = false;

    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<io_executor> work{io.get_executor()};
    // The one timer of the operating system. It is armed for the earliest entry of `timers`, or for an
    // earlier time whose entry was stopped since; then it wakes up for nothing once.
    alarm_clock alarm{io};
    std::optional<core::steady_time> armed;
    std::optional<boost::asio::basic_signal_set<io_executor>> signals;

    void wait_for_work();
    void arm();
    void fire_due();
    static core::steady_time now();
    void run_end_of_turn();
    void wait_for_signal(std::shared_ptr<std::function<void()>> job);
};

} // namespace gatehouse::app::net
