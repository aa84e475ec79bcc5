#include "app/client/gateway_address.hpp"
#include "app/client/private_file.hpp"
#include "app/client/retry_delay.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app::client {
namespace {

TEST(gateway_address, people_may_write_it_in_many_ways) {
    for (auto const* text :
         {"127.0.0.1:8787", "http://127.0.0.1:8787", "http://127.0.0.1:8787/", "ws://127.0.0.1:8787",
          "ws://127.0.0.1:8787/ws"}) {
        auto const address = parse_gateway_address(text);
        ASSERT_TRUE(address) << text << address.error();
        EXPECT_EQ(address->http, "http://127.0.0.1:8787") << text;
        EXPECT_EQ(address->websocket, "ws://127.0.0.1:8787/ws") << text;
    }
    EXPECT_EQ(parse_gateway_address("https://gateway.example")->http, "https://gateway.example");
    EXPECT_EQ(parse_gateway_address("wss://gateway.example")->websocket, "wss://gateway.example/ws");
    EXPECT_EQ(parse_gateway_address("[::1]:8787")->websocket, "ws://[::1]:8787/ws");
}

TEST(gateway_address, what_is_none_is_refused_with_a_sentence) {
    for (auto const* text :
         {"", "ftp://127.0.0.1", "http://127.0.0.1:8787/path", "http://user:pass@127.0.0.1",
          "127.0.0.1:99999", "http://127.0.0.1:8787/#token=gth_x", "a b"}) {
        auto const address = parse_gateway_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_EQ(address.error().find("gth_x"), std::string::npos);
        EXPECT_TRUE(address.error().ends_with(".")) << address.error();
    }
}

TEST(private_file, comes_back_without_white_space_and_only_its_owner_can_read_it) {
    testing::temporary_directory folder;
    ASSERT_TRUE(write_private_file(folder / "token", "gth_x\n"));
    ASSERT_TRUE(write_private_file(folder / "token", "gth_y\n"));
    EXPECT_EQ(read_private_file(folder / "token"), "gth_y");
    EXPECT_EQ(std::filesystem::status(folder / "token").permissions(), std::filesystem::perms(0600));
    EXPECT_EQ(read_private_file(folder / "missing").error().code, errc::not_found);
    folder.write("large", std::string(5000, 'x'));
    EXPECT_FALSE(read_private_file(folder / "large"));
    folder.write("blank", " \n");
    EXPECT_EQ(read_private_file(folder / "blank"), "");
    ASSERT_TRUE(make_private_directory(folder / "a/b"));
    ASSERT_TRUE(make_private_directory(folder / "a/b"));
    EXPECT_EQ(std::filesystem::status(folder / "a/b").permissions(), std::filesystem::perms(0700));
    EXPECT_FALSE(make_private_directory(folder / "large"));
}

TEST(retry_delay, doubles_with_jitter_up_to_some_seconds_and_starts_anew_after_a_connection) {
    testing::seeded_random random(7);
    retry_delay delay(random);
    std::chrono::milliseconds limit(500);
    for (int i = 0; i < 20; ++i) {
        auto const wait = delay.next();
        EXPECT_GE(wait, std::chrono::milliseconds(100));
        EXPECT_LT(wait, limit + std::chrono::milliseconds(100));
        limit = std::min(limit * 2, std::chrono::milliseconds(5'000));
    }
    delay.reset();
    EXPECT_LT(delay.next(), std::chrono::milliseconds(600));
}

} // namespace
} // namespace gatehouse::app::client
