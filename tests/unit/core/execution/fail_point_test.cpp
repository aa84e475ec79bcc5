#include "core/execution/fail_point.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#ifdef GATEHOUSE_FAIL_POINTS

namespace gatehouse::core {
namespace {

struct fail_point_test : ::testing::Test {
    static void order(char const* text) { ::setenv("GATEHOUSE_FAILPOINT", text, 1); }
    ~fail_point_test() override { ::unsetenv("GATEHOUSE_FAILPOINT"); }
};

TEST_F(fail_point_test, acts_on_the_nth_time_and_on_no_other) {
    order("other.place:kill,test.place:error:2,further.place:stop:9");
    fail_point place("test.place");
    EXPECT_NO_THROW(place.reach());
    EXPECT_THROW(place.reach(), std::runtime_error);
    EXPECT_NO_THROW(place.reach());
}

TEST_F(fail_point_test, the_first_time_is_meant_where_no_number_stands) {
    order("test.place:error");
    fail_point place("test.place");
    EXPECT_THROW(place.reach(), std::runtime_error);
}

TEST_F(fail_point_test, without_an_order_nothing_happens) {
    fail_point place("test.place");
    EXPECT_NO_THROW(place.reach());
    EXPECT_FALSE(check_fail_points());
}

TEST_F(fail_point_test, kill_is_a_kill) {
    order("test.place:kill");
    EXPECT_EXIT(fail_point("test.place").reach(), testing::KilledBySignal(SIGKILL), "test.place: kill");
}

TEST_F(fail_point_test, what_no_place_would_act_on_is_refused) {
    for (auto const* wrong :
         {"worker.clamed:kill", "worker.claimed", "worker.claimed:explode", "worker.claimed:kill:0",
          "worker.claimed:kill:x", "worker.claimed:kill:1:2", ":kill", "worker.claimed:kill,,"}) {
        order(wrong);
        testing::internal::CaptureStderr();
        EXPECT_EQ(2, check_fail_points()) << wrong;
        EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find("GATEHOUSE_FAILPOINT: '"));
    }
    order("worker.claimed:kill:3,store.committed:stop");
    EXPECT_FALSE(check_fail_points());
}

} // namespace
} // namespace gatehouse::core

#endif
