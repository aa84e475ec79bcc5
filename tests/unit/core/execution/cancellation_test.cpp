#include "core/execution/cancellation.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace gatehouse::core {
namespace {

TEST(cancellation, request_calls_every_listener_once_in_the_order_they_came) {
    cancellation source;
    std::string called;
    auto const first = source.on_request([&] { called += 'a'; });
    auto const second = source.on_request([&] { called += 'b'; });
    EXPECT_FALSE(source.requested());
    source.request();
    EXPECT_TRUE(source.requested());
    source.request();
    EXPECT_EQ(called, "ab");
}

TEST(cancellation, who_comes_after_the_request_is_called_at_once) {
    cancellation source;
    source.request();
    bool called = false;
    auto const late = source.on_request([&] { called = true; });
    EXPECT_TRUE(called);
}

TEST(cancellation, a_registration_that_is_gone_is_not_called) {
    cancellation source;
    std::string called;
    {
        auto const gone = source.on_request([&] { called += 'x'; });
    }
    auto moved_from = source.on_request([&] { called += 'm'; });
    auto const moved_to = std::move(moved_from);
    auto replaced = source.on_request([&] { called += 'r'; });
    replaced = source.on_request([&] { called += 'n'; });
    source.request();
    EXPECT_EQ(called, "mn");
}

TEST(cancellation, a_listener_may_unregister_one_that_was_not_called_yet) {
    cancellation source;
    bool called = false;
    std::optional<cancellation::registration> second;
    auto const first = source.on_request([&] { second.reset(); });
    second = source.on_request([&] { called = true; });
    auto const third = source.on_request([] {});
    source.request();
    EXPECT_FALSE(called);
}

TEST(cancellation, a_listener_sees_the_request_and_may_listen_and_request_again) {
    cancellation source;
    int called = 0;
    cancellation::registration inner;
    auto const outer = source.on_request([&] {
        EXPECT_TRUE(source.requested());
        inner = source.on_request([&] { ++called; });
        source.request();
        ++called;
    });
    source.request();
    EXPECT_EQ(called, 2);
}

TEST(cancellation, a_registration_may_outlive_its_source) {
    cancellation::registration longer;
    {
        cancellation source;
        longer = source.on_request([] {});
    }
}

} // namespace
} // namespace gatehouse::core
