#include "app/models/retry_after.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app::models {
namespace {

using std::chrono::milliseconds;

struct retry_after_case {
    std::string_view value;
    std::optional<milliseconds> wait;
};

TEST(retry_after, is_seconds_or_a_date_and_at_most_a_day) {
    auto const now = parse_timestamp("1994-11-06T08:49:37.500Z").value();
    for (auto const& each : std::vector<retry_after_case>{
             {"0", milliseconds(0)},
             {"120", milliseconds(120'000)},
             {"86401", milliseconds(86'400'000)},
             {"99999999999999999999999", milliseconds(86'400'000)},
             {"Sun, 06 Nov 1994 08:49:40 GMT", milliseconds(2'500)},
             {"Sun, 06 Nov 1994 08:49:00 GMT", milliseconds(0)},
             {"Wed, 01 Jan 2098 00:00:00 GMT", milliseconds(86'400'000)},
             {"", std::nullopt},
             {"-1", std::nullopt},
             {"1.5", std::nullopt},
             {"soon", std::nullopt},
             {"Sun, 31 Feb 1994 08:49:40 GMT", std::nullopt},
             {"Sun, 06 Nov 1994 25:49:40 GMT", std::nullopt},
             {"Sun, 06 Nov 1994 08:49:40 CET", std::nullopt},
             {"Sun, 06 Nov 1994 -8:49:40 GMT", std::nullopt},
         }) {
        EXPECT_EQ(parse_retry_after(each.value, now), each.wait) << each.value;
    }
}

} // namespace
} // namespace gatehouse::app::models
