#include "protocol/canonical_json.hpp"

#include "protocol/parse_json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace gatehouse {
namespace {

struct number_case {
    std::uint64_t bits;
    std::string_view text;
};

TEST(canonical_json, numbers_are_written_as_in_appendix_b_of_rfc_8785) {
    static constexpr number_case cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (auto const& each : cases) EXPECT_EQ(canonical_json(std::bit_cast<double>(each.bits)), each.text);
    EXPECT_THROW(canonical_json(std::numeric_limits<double>::infinity()), std::domain_error);
    EXPECT_THROW(canonical_json(std::numeric_limits<double>::quiet_NaN()), std::domain_error);
}

TEST(canonical_json, the_same_number_has_the_same_text_however_it_was_written) {
    for (std::string_view const text : {"100", "100.0", "1e2", "1E+2", "10000e-2"}) {
        EXPECT_EQ(canonical_json(parse_json(text).value()), "100") << text;
    }
    EXPECT_EQ(canonical_json(boost::json::value(std::uint64_t{7})), "7");
    EXPECT_EQ(canonical_json(parse_json("-0").value()), "0");
}

// RFC 8785, 3.2.2 and 3.2.3.
TEST(canonical_json, the_examples_of_the_rfc_give_the_texts_of_the_rfc) {
    auto const first =
        parse_json(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],)"
                   R"("string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})"
        );
    EXPECT_EQ(
        canonical_json(first.value()),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
        "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );

    auto const sorted = parse_json(
        R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",)"
        R"("\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"})"
    );
    EXPECT_EQ(
        canonical_json(sorted.value()),
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
        "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
        "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}"
    );
}

TEST(canonical_json, keys_are_sorted_in_every_object_and_a_prefix_stands_first) {
    auto const value = parse_json(R"({"b":[{"z":1,"":2,"y":{"bb":1,"b":2,"a":3}}],"ab":{},"a":[]})");
    EXPECT_EQ(
        canonical_json(value.value()), R"({"a":[],"ab":{},"b":[{"":2,"y":{"a":3,"b":2,"bb":1},"z":1}]})"
    );
}

TEST(canonical_json, strings_have_the_shortest_escapes) {
    EXPECT_EQ(
        canonical_json(parse_json(R"("\u0000\u0001\b\t\n\u000b\f\r\u001f\u007f\u2028\/")").value()),
        "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\xe2\x80\xa8/\""
    );
}

TEST(canonical_json, what_was_parsed_once_is_parsed_again_to_the_same_text) {
    std::mt19937_64 random(11);
    int seen = 0;
    for (int i = 0; i < 20'000; ++i) {
        double const number = std::bit_cast<double>(random());
        if (!std::isfinite(number)) continue;
        boost::json::value const value = number;
        auto const again = parse_json(canonical_json(value));
        bool const safe = std::abs(number) < 9e15 || std::abs(number) >= 1e21;
        ASSERT_EQ(again.has_value(), safe) << canonical_json(value);
        if (!again) continue;
        EXPECT_EQ(again->to_number<double>(), number);
        EXPECT_EQ(canonical_json(*again), canonical_json(value));
        ++seen;
    }
    EXPECT_GT(seen, 10'000);
}

} // namespace
} // namespace gatehouse
