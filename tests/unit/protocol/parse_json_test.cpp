#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <random>

namespace gatehouse {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

// Both entrances must say the same about every text.
std::expected<boost::json::value, parse_failure> parse_both(std::string_view text) {
    static json_parser kept;
    auto const first = parse_json(text);
    auto const second = kept.parse(text);
    EXPECT_EQ(first.has_value(), second.has_value()) << text.substr(0, 100);
    if (first && second) EXPECT_EQ(*first, **second) << text.substr(0, 100);
    if (!first && !second) {
        EXPECT_EQ(first.error().message, second.error().message);
        EXPECT_EQ(first.error().offset, second.error().offset);
    }
    return first;
}

TEST(parse_json, valid_json_is_read) {
    for (std::string_view const text :
         {"null",
          "true",
          " false ",
          "0",
          "-1",
          "1.5",
          "\"\"",
          "[]",
          "{}",
          "[1,2,[3]]",
          "{\"a\":{\"a\":1},\"b\":[{\"a\":2}]}",
          "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
          "\"\xc3\xa9\xf0\x9f\x98\x80\"",
          "\"\\u0000\"",
          "[9007199254740991,-9007199254740991]",
          "1e300",
          "-1.7976931348623157e308",
          "1e21",
          "1e-400",
          "6.02214076e23",
          "\t\r\n 1 \t\r\n"}) {
        EXPECT_TRUE(parse_both(text)) << text;
    }
    EXPECT_EQ(
        parse_both("{\"a\\u0062\":[1,\"x\",null,2.5,true]}").value(),
        (boost::json::value{{"ab", {1, "x", nullptr, 2.5, true}}})
    );
}

struct refused_case {
    std::string text;
    std::size_t offset;
    std::string_view message; // part of it
};

TEST(parse_json, everything_outside_of_i_json_is_refused_with_a_sentence) {
    refused_case const cases[] = {
        {"", 0, "empty"},
        {"   ", 3, "ends before"},
        {"{\"a\":1", 6, "ends before"},
        {"[1,", 3, "ends before"},
        {"\"abc", 4, "ends before"},
        {"tru", 3, "ends before"},
        {"[1,]", 3, "not valid JSON"},
        {"{\"a\":1,}", 7, "not valid JSON"},
        {"{a:1}", 1, "not valid JSON"},
        {"'a'", 0, "not valid JSON"},
        {"NaN", 0, "not valid JSON"},
        {"Infinity", 0, "not valid JSON"},
        {"-Infinity", 1, "not valid JSON"},
        {"01", 1, "follows the end"},
        {"1.", 2, "ends before"},
        {"+1", 0, "not valid JSON"},
        {"0x10", 1, "follows the end"},
        {"// c\n1", 0, "not valid JSON"},
        {"{} {}", 3, "follows the end"},
        {"[1]x", 3, "follows the end"},
        {std::string("1\0", 2), 1, "follows the end"},
        {std::string("\"\0\"", 3), 1, "control character"},
        {"\"a\nb\"", 2, "control character"},
        {"\"\\x41\"", 2, "not valid JSON"},
        {"\"\\u12g4\"", 5, "four hex digits"},
        {"\xef\xbb\xbf{}", 0, "byte order mark"},
        {"\"\xff\"", 1, "UTF-8"},
        {"\"\xc0\xaf\"", 1, "UTF-8"},
        {"\"\xed\xa0\x80\"", 1, "UTF-8"},
        {"\"\xf5\x80\x80\x80\"", 1, "UTF-8"},
        {"\"\xe2\x82\"", 1, "UTF-8"},
        {"\"\\ud800\"", 7, "surrogate"},
        {"\"\\udc00\"", 5, "surrogate"},
        {"\"\\ud800\\ud800\"", 5, "surrogate"},
        {"\"\\ud800x\"", 7, "surrogate"},
        {"1e400", 0, "too large for a double"},
        {"-1e400", 0, "too large for a double"},
        {"1e99999999999999999999", 0, "too large for a double"},
        {"9007199254740992", 0, "as a string"},
        {"-9007199254740992", 0, "as a string"},
        {"9223372036854775808", 0, "as a string"},
        {"18446744073709551616", 0, "as a string"},
        {"9007199254740992.0", 0, "as a string"},
        {"1e20", 0, "as a string"},
        {repeat("9", 100), 0, "as a string"},
        {repeat("9", 400), 0, "too large for a double"},
        {"{\"a\":1,\"a\":1}", 10, "\"a\" stands twice"},
        {"{\"a\":1,\"\\u0061\":2}", 14, "\"a\" stands twice"},
        {"[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]", 22, "\"b\" stands twice"},
        {"{\"\":1,\"\":2}", 8, "\"\" stands twice"},
    };
    for (auto const& each : cases) {
        auto const parsed = parse_both(each.text);
        ASSERT_FALSE(parsed) << each.text;
        EXPECT_NE(parsed.error().message.find(each.message), std::string::npos)
            << each.text << ": " << parsed.error().message;
        EXPECT_LE(parsed.error().offset, each.text.size());
    }
}

TEST(parse_json, nesting_is_allowed_to_the_limit_and_not_beyond) {
    EXPECT_TRUE(parse_both(repeat("[", 32) + repeat("]", 32)));
    EXPECT_TRUE(parse_both(repeat("{\"a\":", 32) + "1" + repeat("}", 32)));
    for (auto const& text :
         {repeat("[", 33) + repeat("]", 33), repeat("{\"a\":", 33) + "1" + repeat("}", 33),
          repeat("[", 100'000), repeat("[", 100'000) + repeat("]", 100'000)}) {
        auto const parsed = parse_both(text);
        ASSERT_FALSE(parsed);
        EXPECT_NE(parsed.error().message.find("nested deeper than 32"), std::string::npos);
    }
}

TEST(parse_json, an_object_has_a_bounded_number_of_members) {
    auto object_of = [](std::size_t members) {
        std::string text = "{";
        for (std::size_t i = 0; i < members; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
        return text + "}";
    };
    EXPECT_TRUE(parse_both(object_of(json_members_max)));
    auto const parsed = parse_both(object_of(json_members_max + 1));
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().message.find("more than 4096 members"), std::string::npos);
}

TEST(parse_json, huge_texts_of_every_shape_end_with_an_answer) {
    std::size_t const size = 10'000'000;
    EXPECT_FALSE(parse_both(repeat("7", size)));
    EXPECT_FALSE(parse_both("1" + repeat("0", size)));
    EXPECT_FALSE(parse_both("1e" + repeat("9", size)));
    EXPECT_FALSE(parse_both("-" + repeat("[", size)));
    EXPECT_TRUE(parse_both("0." + repeat("3", 100'000)));
    EXPECT_TRUE(parse_both("\"" + repeat("a", size / 10) + "\""));
    EXPECT_TRUE(parse_both("\"" + repeat("\\n", size / 10) + "\""));
    EXPECT_TRUE(parse_both("[" + repeat("1,", size / 100) + "1]"));
    EXPECT_FALSE(parse_both("{" + repeat("\"a\":1,", 4000) + "\"a\":1}"));
}

TEST(parse_json, doubles_are_read_exactly) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        double const number = std::bit_cast<double>(random());
        if (!(std::abs(number) < 9e15) && !(std::abs(number) >= 1e21 && std::abs(number) < 1e308)) continue;
        char text[40];
        auto const end = std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
        auto const parsed = parse_json({text, end});
        ASSERT_TRUE(parsed) << std::string_view(text, end);
        EXPECT_EQ(parsed->to_number<double>(), number) << std::string_view(text, end);
    }
}

TEST(parse_json, own_text_may_hold_what_came_from_outside_one_level_deeper) {
    std::string const outside = repeat("[", 32) + "1.1e-7" + repeat("]", 32);
    EXPECT_EQ(
        boost::json::value({{"arguments", parse_json(outside).value()}}),
        parse_own_json("{\"arguments\":" + outside + "}")
    );
    EXPECT_EQ(parse_own_json("9223372036854775807").as_int64(), 9223372036854775807);
    EXPECT_EQ(parse_own_json("18446744073709551615").as_uint64(), 18446744073709551615u);
    EXPECT_THROW(parse_own_json("{"), std::invalid_argument);
    EXPECT_THROW(parse_own_json(repeat("[", 65) + repeat("]", 65)), std::invalid_argument);
}

TEST(parse_json, the_kept_parser_takes_any_number_of_medium_messages) {
    json_parser parser;
    for (std::size_t size : {1'000, 5'000, 15'000, 40'000}) {
        std::string const text =
            R"({"a":")" + std::string(size, 'x') + R"(","b":[)" + "1,2,3,4,5,6,7,8,9" + "]}";
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(parser.parse(text)) << size;
    }
}

TEST(parse_json, the_kept_parser_goes_on_after_failures_and_after_large_messages) {
    json_parser parser;
    for (int round = 0; round < 3; ++round) {
        EXPECT_FALSE(parser.parse("{\"a\":[1,"));
        EXPECT_FALSE(parser.parse("{\"a\":1,\"a\":2}"));
        ASSERT_TRUE(parser.parse("[" + repeat("{\"k\":[1,2,3]},", 20'000) + "0]"));
        auto const parsed = parser.parse("{\"a\":1}");
        ASSERT_TRUE(parsed);
        boost::json::value const copy = **parsed;
        ASSERT_TRUE(parser.parse("[\"another\"]"));
        EXPECT_EQ(boost::json::serialize(copy), "{\"a\":1}");
    }
}

} // namespace
} // namespace gatehouse
