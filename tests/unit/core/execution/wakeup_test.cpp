#include "core/execution/wakeup.hpp"

#include "core/execution/task_group.hpp"
#include "tests/support/manual_loop.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

struct wakeup_test : ::testing::Test {
    ~wakeup_test() override {
        bell.notify();
        loop.run_until_idle();
    }

    task<> wait_as(std::string name) {
        co_await bell.wait();
        woken.push_back(std::move(name));
    }

    task<> wait_as(std::string name, steady_time deadline) {
        bool const notified = co_await bell.wait_until(deadline);
        woken.push_back(name + (notified ? " notified" : " late"));
    }

    testing::manual_loop loop;
    wakeup bell{loop};
    std::vector<std::string> woken;
    task_group tasks{loop, [](std::exception_ptr failure) { std::rethrow_exception(failure); }};
};

using names = std::vector<std::string>;

TEST_F(wakeup_test, notify_wakes_all_who_wait_in_the_order_they_came) {
    for (auto const* name : {"a", "b", "c"}) tasks.spawn(wait_as(name));
    loop.run_until_idle();
    EXPECT_EQ(woken, names{});
    bell.notify();
    EXPECT_EQ(woken, names{}) << "nobody runs inside of notify()";
    loop.run_until_idle();
    EXPECT_EQ(woken, (names{"a", "b", "c"}));
}

TEST_F(wakeup_test, notify_before_the_wait_is_not_kept) {
    bell.notify();
    tasks.spawn(wait_as("late comer"));
    loop.run_until_idle();
    EXPECT_EQ(woken, names{});
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(woken, names{"late comer"});
}

TEST_F(wakeup_test, who_waits_again_when_woken_waits_for_the_next_notify) {
    auto wait_twice = [](wakeup_test& self) -> task<> {
        co_await self.bell.wait();
        self.woken.push_back("once");
        co_await self.bell.wait();
        self.woken.push_back("twice");
    };
    tasks.spawn(wait_twice(*this));
    loop.run_until_idle();
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(woken, names{"once"});
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(woken, (names{"once", "twice"}));
}

TEST_F(wakeup_test, a_deadline_ends_the_wait) {
    tasks.spawn(wait_as("early", loop.now() + 10ms));
    tasks.spawn(wait_as("patient", loop.now() + 20ms));
    loop.advance(9ms);
    EXPECT_EQ(woken, names{});
    loop.advance(1ms);
    EXPECT_EQ(woken, names{"early late"});
    bell.notify();
    loop.advance(1h);
    EXPECT_EQ(woken, (names{"early late", "patient notified"}));
    EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(wakeup_test, a_notify_that_comes_together_with_the_deadline_resumes_once) {
    tasks.spawn(wait_as("a", loop.now() + 10ms));
    loop.run_until_idle();
    loop.start_timer(loop.now() + 10ms, [this] { bell.notify(); });
    loop.advance(10ms);
    EXPECT_EQ(woken, names{"a late"});
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(woken, names{"a late"});
}

TEST_F(wakeup_test, a_deadline_in_the_past_ends_the_wait_at_once) {
    tasks.spawn(wait_as("a", loop.now() - 1ms));
    loop.run_until_idle();
    EXPECT_EQ(woken, names{"a late"});
}

} // namespace
} // namespace gatehouse::core
