#include "protocol/json_codec.hpp"

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gatehouse::protocol {
namespace {

TEST(json_codec, text_is_escaped_as_little_as_json_allows) {
    struct {
        std::string_view text;
        std::string_view json;
    } const cases[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
        {std::string_view("\0\x01\x1f", 3), R"("\u0000\u0001\u001f")"},
        {"\x7f/é€😀", "\"\x7f/é€😀\""},
    };
    for (auto const& [text, json] : cases) {
        std::string out;
        append_json(out, text);
        EXPECT_EQ(out, json);
        EXPECT_EQ(boost::json::parse({out.data(), out.size()}).as_string(), text);
    }
}

TEST(json_codec, a_byte_to_escape_is_found_wherever_it_stands) {
    for (int byte = 0; byte < 0x80; ++byte) {
        for (std::size_t at = 0; at < 20; ++at) {
            for (char const around : {'x', '!', '#', '[', ']', '\x7f'}) {
                std::string text(20, around);
                text[at] = static_cast<char>(byte);
                std::string out;
                append_json(out, text);
                bool const escaped = byte < 0x20 || byte == '"' || byte == '\\';
                EXPECT_EQ(out.size() == text.size() + 2, !escaped) << out;
                EXPECT_EQ(boost::json::parse(out).as_string(), text);
            }
        }
    }
}

TEST(json_codec, numbers_read_back_the_same) {
    for (double number : {0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, -2.5, 123456789.125}) {
        std::string out;
        append_json(out, number);
        EXPECT_EQ(boost::json::parse(out).to_number<double>(), number) << out;
    }
    for (std::int64_t number :
         {std::int64_t{0}, std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}}) {
        std::string out;
        append_json(out, number);
        EXPECT_EQ(out, std::to_string(number));
    }
    std::string out;
    EXPECT_THROW(append_json(out, std::nan("")), std::domain_error);
    EXPECT_THROW(append_json(out, HUGE_VAL), std::domain_error);
}

TEST(json_codec, an_integer_may_come_in_any_spelling) {
    struct {
        char const* json;
        std::int64_t number;
    } const cases[] = {
        {"5", 5},
        {"5.0", 5},
        {"1e3", 1000},
        {"-0", 0},
        {"18446744073709551615", std::numeric_limits<std::int64_t>::max()},
        {"1e300", std::numeric_limits<std::int64_t>::max()},
        {"-1e300", std::numeric_limits<std::int64_t>::min()},
    };
    for (auto const& [json, number] : cases)
        EXPECT_EQ(from_json<std::int64_t>(boost::json::parse(json)), number);
}

TEST(json_codec, a_value_that_has_not_passed_its_schema_throws) {
    EXPECT_ANY_THROW(from_json<std::string>(boost::json::value(1)));
    EXPECT_ANY_THROW(from_json<std::int64_t>(boost::json::value("1")));
    EXPECT_ANY_THROW(from_json<std::vector<std::string>>(boost::json::parse(R"(["a",1])")));
    EXPECT_ANY_THROW(from_json<timestamp>(boost::json::value("yesterday")));
}

TEST(json_codec, lists_and_maps_are_written_without_a_dom) {
    EXPECT_EQ(to_json_text(std::vector<std::string>{}), "[]");
    EXPECT_EQ(to_json_text(std::vector<std::string>{"a", "b"}), R"(["a","b"])");
    std::map<std::string, std::int64_t, std::less<>> map{{"a\"", 1}, {"b", 2}};
    EXPECT_EQ(to_json_text(map), R"({"a\"":1,"b":2})");
    EXPECT_EQ((from_json<std::map<std::string, std::int64_t, std::less<>>>(to_json(map))), map);
}

} // namespace
} // namespace gatehouse::protocol
