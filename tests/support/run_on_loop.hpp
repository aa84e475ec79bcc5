#pragma once
// Runs one coroutine of a test on a real loop to its end. A test that hangs is cut after half a minute and
// fails.
#include "app/net/io_loop.hpp"
#include "core/execution/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>

namespace gatehouse::testing {

inline void run_on_loop(app::net::io_loop& loop, core::task<> test) {
    std::exception_ptr failure;
    bool done = false;
    bool hung = false;
    boost::asio::co_spawn(core::executor(loop), std::move(test), [&](std::exception_ptr thrown) {
        failure = thrown;
        done = true;
        loop.stop();
    });
    auto const watchdog = loop.start_timer(loop.now() + std::chrono::seconds(30), [&] {
        hung = true;
        loop.stop();
    });
    while (!done && !hung) loop.run();
    loop.stop_timer(watchdog);
    if (failure) std::rethrow_exception(failure);
    ASSERT_TRUE(done) << "the test's coroutine did not come to its end";
}

} // namespace gatehouse::testing
