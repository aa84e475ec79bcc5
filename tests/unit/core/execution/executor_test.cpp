#include "core/execution/executor.hpp"

#include "core/execution/task.hpp"
#include "tests/support/manual_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace gatehouse::core {
namespace {

static_assert(boost::asio::execution::is_executor<executor>::value);

TEST(executor, two_are_equal_when_they_stand_for_the_same_loop_and_way) {
    testing::manual_loop one;
    testing::manual_loop other;
    EXPECT_EQ(executor(one), executor(one));
    EXPECT_NE(executor(one), executor(other));
    EXPECT_NE(executor(one), executor(one).require(boost::asio::execution::blocking.never));
}

TEST(executor, dispatch_runs_inside_on_the_loop_and_post_never_does) {
    testing::manual_loop loop;
    std::string order;
    boost::asio::post(executor(loop), [&] { order += 'p'; });
    boost::asio::dispatch(executor(loop), [&] { order += 'd'; });
    EXPECT_EQ(order, "d");
    loop.run_until_idle();
    EXPECT_EQ(order, "dp");
}

TEST(executor, from_another_thread_everything_is_posted) {
    testing::manual_loop loop;
    std::thread::id ran_on;
    std::jthread other([&] {
        boost::asio::dispatch(executor(loop), [&] { ran_on = std::this_thread::get_id(); });
    });
    EXPECT_TRUE(loop.run_until([&] { return ran_on != std::thread::id(); }));
    EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(executor, move_only_jobs_are_taken) {
    testing::manual_loop loop;
    int seen = 0;
    boost::asio::post(executor(loop), [&, owned = std::make_unique<int>(7)] { seen = *owned; });
    loop.run_until_idle();
    EXPECT_EQ(seen, 7);
}

TEST(executor, a_value_and_an_exception_come_out_of_nested_tasks) {
    testing::manual_loop loop;
    auto inner = [](int number) -> task<int> {
        if (number < 0) throw std::invalid_argument("negative");
        co_return number * 2;
    };
    auto outer = [](auto& doubled, int number) -> task<int> { co_return co_await doubled(number) + 1; };
    int result = 0;
    std::exception_ptr failure;
    auto const finish = [&](std::exception_ptr thrown, int value) {
        failure = thrown;
        result = value;
    };
    boost::asio::co_spawn(executor(loop), outer(inner, 20), finish);
    loop.run_until_idle();
    EXPECT_EQ(result, 41);
    EXPECT_FALSE(failure);
    boost::asio::co_spawn(executor(loop), outer(inner, -1), finish);
    loop.run_until_idle();
    EXPECT_TRUE(failure);
}

} // namespace
} // namespace gatehouse::core
