#include "protocol/timestamp.hpp"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

struct parsed_case {
    std::string_view text;
    std::int64_t ms;
};

TEST(timestamp, every_form_of_rfc_3339_is_read) {
    static constexpr parsed_case cases[] = {
        {"1970-01-01T00:00:00.000Z", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-01-31T08:00:00.000Z", 1769846400000},
        {"2026-01-31T08:00:00.1Z", 1769846400100},
        {"2026-01-31T08:00:00.12Z", 1769846400120},
        {"2026-01-31T08:00:00.1239999999Z", 1769846400123},
        {"2026-01-31T13:30:00+05:30", 1769846400000},
        {"2026-01-31T00:00:00-08:00", 1769846400000},
        {"2026-01-31T08:00:00-00:00", 1769846400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"1998-12-31T23:59:60Z", 915148800000},
        {"1998-12-31T15:59:60.5-08:00", 915148800500},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (auto const& each : cases) {
        auto const t = parse_timestamp(each.text);
        ASSERT_TRUE(t) << each.text;
        EXPECT_EQ(to_ms(*t), each.ms) << each.text;
    }
}

TEST(timestamp, anything_else_is_refused) {
    static constexpr std::string_view cases[] = {
        "",
        "2026",
        "2026-01-31",
        "2026-01-31T08:00:00",
        "2026-01-31 08:00:00Z",
        "2026-01-31T08:00Z",
        "2026-1-31T08:00:00Z",
        "2026-01-31T8:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:60:00Z",
        "2026-01-31T08:00:61Z",
        "2026-01-31T08:00:60Z",
        "1998-12-31T23:59:60+01:00",
        "2026-01-31T08:00:00.Z",
        "2026-01-31T08:00:00,5Z",
        "2026-01-31T08:00:00+0530",
        "2026-01-31T08:00:00+24:00",
        "2026-01-31T08:00:00+05:60",
        "2026-01-31T08:00:00ZZ",
        "2026-01-31T08:00:00Z ",
        " 2026-01-31T08:00:00Z",
        "+2026-01-31T08:00:00Z",
        "12026-01-31T08:00:00Z",
        "-026-01-31T08:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "2026-01-31T08:00:0\xd9\xa0Z",
    };
    for (auto const text : cases) EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(timestamp, what_is_written_is_read_back) {
    static constexpr std::int64_t cases[] = {0, -1, 1, 999, 1769846400123, -62167219200000, 253402300799999};
    for (auto const ms : cases) {
        std::string const text = format_timestamp(from_ms(ms));
        EXPECT_EQ(text.size(), 24u);
        EXPECT_EQ(parse_timestamp(text), from_ms(ms)) << text;
    }
    EXPECT_EQ(format_timestamp(from_ms(1769846400007)), "2026-01-31T08:00:00.007Z");
}

TEST(timestamp, an_instant_outside_of_four_digit_years_is_written_as_the_nearest_one_inside) {
    EXPECT_EQ(format_timestamp(from_ms(253402300800000)), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(format_timestamp(from_ms(-62167219200001)), "0000-01-01T00:00:00.000Z");
    EXPECT_EQ(format_timestamp(timestamp::max()), "9999-12-31T23:59:59.999Z");
}

} // namespace
} // namespace gatehouse
