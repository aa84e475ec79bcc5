#include "app/net/io_loop.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::app::net {

namespace {

using namespace std::chrono_literals;

} // namespace

TEST(io_loop, runs_posted_jobs_in_order_and_never_inside_post) {
    io_loop loop;
    std::string order;
    post(loop, [&] {
        post(loop, [&] {
            order += 'c';
            loop.stop();
        });
        order += 'a';
    });
    post(loop, [&] { order += 'b'; });
    EXPECT_EQ(order, "");
    loop.run();
    EXPECT_EQ(order, "abc");
}

TEST(io_loop, takes_jobs_from_any_thread_and_knows_its_own) {
    io_loop loop;
    int ran = 0;
    EXPECT_FALSE(loop.is_current());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                post(loop, [&] {
                    EXPECT_TRUE(loop.is_current());
                    if (++ran == 4000) loop.stop();
                });
            }
            EXPECT_FALSE(loop.is_current());
        });
    }
    loop.run();
    for (auto& each : threads) each.join();
    EXPECT_EQ(ran, 4000);
    EXPECT_FALSE(loop.is_current());
}

TEST(io_loop, fires_timers_in_the_order_of_their_times) {
    io_loop loop;
    std::string order;
    auto start = loop.now();
    post(loop, [&] {
        loop.start_timer(start + 20ms, [&] {
            order += 'd';
            EXPECT_GE(loop.now(), start + 20ms);
            loop.stop();
        });
        loop.start_timer(start + 10ms, [&] { order += 'b'; });
        loop.start_timer(start - 1s, [&] { order += 'a'; });
        auto stopped = loop.start_timer(start + 15ms, [&] { order += 'x'; });
        loop.start_timer(start + 12ms, [&, stopped] {
            loop.stop_timer(stopped);
            loop.stop_timer(stopped);
            order += 'c';
        });
        EXPECT_EQ(order, "");
    });
    loop.run();
    EXPECT_EQ(order, "abcd");
}

TEST(io_loop, a_timer_may_stop_another_that_is_due_at_the_same_time) {
    io_loop loop;
    bool fired = false;
    core::loop::timer_id second = 0;
    post(loop, [&] {
        auto when = loop.now() + 5ms;
        loop.start_timer(when, [&loop, &second] { loop.stop_timer(second); });
        second = loop.start_timer(when, [&] { fired = true; });
        loop.start_timer(when, [&] { loop.stop(); });
    });
    loop.run();
    EXPECT_FALSE(fired);
}

TEST(io_loop, hooks_run_after_the_handlers_of_a_turn_and_may_ask_for_another_turn) {
    io_loop loop;
    std::string order;
    post(loop, [&] {
        loop.at_end_of_turn([&] {
            order += 'c';
            loop.at_end_of_turn([&] {
                order += 'd';
                loop.stop();
            });
        });
        order += 'a';
    });
    post(loop, [&] { order += 'b'; });
    loop.run();
    EXPECT_EQ(order, "abcd");
}

TEST(io_loop, a_busy_loop_still_ends_its_turns) {
    io_loop loop;
    int handlers = 0;
    std::function<void()> again = [&] {
        ++handlers;
        post(loop, again);
    };
    post(loop, [&] {
        loop.at_end_of_turn([&] { loop.stop(); });
        again();
    });
    loop.run();
    EXPECT_LE(handlers, 256);
}

TEST(io_loop, tells_of_each_stop_signal) {
    io_loop loop;
    int told = 0;
    loop.on_stop_signal([&] {
        if (++told == 2) return loop.stop();
        std::raise(SIGINT);
    });
    post(loop, [] { std::raise(SIGTERM); });
    loop.run();
    EXPECT_EQ(told, 2);
}

TEST(io_loop, stop_before_run_is_not_lost) {
    io_loop loop;
    loop.stop();
    loop.run();
}

} // namespace gatehouse::app::net
