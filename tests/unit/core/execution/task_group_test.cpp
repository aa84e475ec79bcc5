#include "core/execution/task_group.hpp"

#include "tests/support/manual_loop.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

struct task_group_test : ::testing::Test {
    void note_failure(std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (std::exception const& thrown) {
            failures.emplace_back(thrown.what());
        }
    }

    static task<> wait_for(wakeup& bell) { co_await bell.wait(); }
    static task<> wait_for_all(task_group& group, bool& done) {
        co_await group.wait();
        done = true;
    }
    static task<> fail_after(wakeup& bell, std::string why) {
        co_await bell.wait();
        throw std::runtime_error(why);
    }
    static task<> spawn_more(task_group& group, wakeup& bell, int more) {
        co_await bell.wait();
        if (more > 0) group.spawn(spawn_more(group, bell, more - 1));
    }

    testing::manual_loop loop;
    std::vector<std::string> failures;
    wakeup bell{loop};
    task_group group{loop, [this](std::exception_ptr failure) { note_failure(failure); }};
    task_group waiting{loop, [this](std::exception_ptr failure) { note_failure(failure); }};
    bool done = false;
};

TEST_F(task_group_test, waiting_for_an_empty_group_returns_at_once) {
    waiting.spawn(wait_for_all(group, done));
    loop.run_until_idle();
    EXPECT_TRUE(done);
}

TEST_F(task_group_test, wait_returns_when_the_last_task_has_ended) {
    wakeup other{loop};
    group.spawn(wait_for(bell));
    group.spawn(wait_for(other));
    waiting.spawn(wait_for_all(group, done));
    loop.run_until_idle();
    EXPECT_EQ(group.running(), 2u);
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(group.running(), 1u);
    EXPECT_FALSE(done);
    other.notify();
    loop.run_until_idle();
    EXPECT_EQ(group.running(), 0u);
    EXPECT_TRUE(done);
}

TEST_F(task_group_test, what_a_task_throws_goes_to_the_owner_and_the_others_go_on) {
    wakeup other{loop};
    group.spawn(fail_after(bell, "first"));
    group.spawn(fail_after(other, "second"));
    waiting.spawn(wait_for_all(group, done));
    loop.run_until_idle();
    bell.notify();
    loop.run_until_idle();
    EXPECT_EQ(failures, std::vector<std::string>{"first"});
    EXPECT_FALSE(done);
    other.notify();
    loop.run_until_idle();
    EXPECT_EQ(failures, (std::vector<std::string>{"first", "second"}));
    EXPECT_TRUE(done);
}

TEST_F(task_group_test, a_task_may_add_tasks_to_its_own_group_and_wait_takes_them_in) {
    group.spawn(spawn_more(group, bell, 3));
    waiting.spawn(wait_for_all(group, done));
    for (int i = 0; i < 4; ++i) {
        loop.run_until_idle();
        EXPECT_FALSE(done) << i;
        bell.notify();
    }
    loop.run_until_idle();
    EXPECT_TRUE(done);
}

TEST_F(task_group_test, a_group_can_be_used_again_after_it_was_empty) {
    for (int round = 0; round < 3; ++round) {
        done = false;
        group.spawn(wait_for(bell));
        waiting.spawn(wait_for_all(group, done));
        loop.run_until_idle();
        EXPECT_FALSE(done);
        bell.notify();
        loop.run_until_idle();
        EXPECT_TRUE(done);
    }
}

TEST(task_group_death_test, a_group_that_dies_with_a_task_in_it_says_so) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto const die = [] {
        testing::manual_loop loop;
        wakeup bell(loop);
        task_group group(loop, [](std::exception_ptr) {});
        group.spawn(task_group_test::wait_for(bell));
        loop.run_until_idle();
    };
    EXPECT_DEBUG_DEATH(die(), "wait\\(\\) for a task_group");
}

} // namespace
} // namespace gatehouse::core
