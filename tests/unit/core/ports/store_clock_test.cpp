#include "core/ports/store_clock.hpp"

#include "tests/support/manual_clock.hpp"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

TEST(store_clock, it_is_the_own_clock_until_the_store_says_otherwise) {
    testing::manual_clock own;
    store_clock clock(own);
    EXPECT_EQ(clock.now(), own.now());
    clock.learn(own.now() - 1h);
    EXPECT_EQ(clock.now(), own.now() - 1h);
    own.advance(5s);
    EXPECT_EQ(clock.now(), own.now() - 1h) << "it goes on with the own clock";
    own.advance(24h); // somebody set it
    clock.learn(testing::manual_clock::new_year);
    EXPECT_EQ(clock.now(), testing::manual_clock::new_year);
}

} // namespace
} // namespace gatehouse::core
