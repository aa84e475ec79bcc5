// Patterns: what ECMA-262 means by them, whichever of the two engines takes them.
#include "protocol/json_schema/pattern.hpp"
#include "protocol/json_schema/pattern_translation.hpp"
#include "protocol/json_schema/simple_pattern.hpp"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <array>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

static constexpr std::size_t memory_max = 1'000'000;

struct match_case {
    std::string_view pattern;
    std::string_view text;
    bool found;
};

static constexpr std::array match_cases = std::to_array<match_case>({
    {"a", "bab", true},
    {"^$", "", true},
    {"^a$", "a\n", false},
    {"^.$", "\xe2\x80\xa8", false},
    {"^.$", "\xf0\x9f\x90\xb2", true},
    {R"(^\d$)", "\xdf\x80", false},
    {R"(^\D$)", "\xdf\x80", true},
    {R"(^\w+$)", "a_1", true},
    {R"(^\W$)", "\xc3\xa9", true},
    {R"(^\s$)", "\xc2\xa0", true},
    {R"(^\s$)", "\xef\xbb\xbf", true},
    {R"(^\S$)", "\xe2\x80\xa9", false},
    {R"(^[^\s]$)", "\xe2\x80\xa9", false},
    {R"(^[\S]$)", "x", true},
    {R"(^\cC$)", "\x03", true},
    {R"(^\cj$)", "\n", true},
    {R"(^\u0061\x62\u{1f432}$)", "ab\xf0\x9f\x90\xb2", true},
    {R"(^\ud83d\udc32$)", "\xf0\x9f\x90\xb2", true},
    {R"(^\p{Letter}+$)", "L\xc3\xa8ttre", true},
    {R"(^\p{L}\p{Lu}\p{gc=Nd}\P{General_Category=Decimal_Number}$)", "aB1x", true},
    {R"(^[\p{Lowercase_Letter}\-]+$)", "a-b", true},
    {R"(^\p{Script=Greek}+$)", "\xce\xb1\xce\xb2", true},
    {R"(^\p{sc=Greek}+$)", "ab", false},
    {R"(^\p{ASCII}+\P{ASCII}$)", "ab\xc3\xa9", true},
    {R"(^\/a\/\-\.$)", "/a/-.", true},
    {R"(^[\b]$)", "\x08", true},
    {R"(\bcat\b)", "a cat.", true},
    {"^[]$", "", false},
    {"^[^]$", "\n", true},
    {"^[[:a]$", "[", true},
    {"^[a-]$", "-", true},
    {R"(^[\w-.]$)", "-", true},
    {R"(^[\]\\^]+$)", "]\\^", true},
    {"^(?<year>[0-9]{4})-(?:0|1)$", "2026-1", true},
    {"^(a|bc)*$", "abcbca", true},
    {"^a{2,3}$", "aaaa", false},
    {"^[a-z][a-z0-9_]*$", "a_1", true},
    {"^[a-z][a-z0-9_]*$", "1", false},
    {"^[ -~]{1,2000}$", "x y", true},
    {"^x-", "x-note", true},
    {"^x-", "ax-note", false},
    {"^a+?$", "aaa", true},
    {"^a*a$", "aaa", true},
    {R"(^\0$)", std::string_view("\0", 1), true},
});

TEST(pattern, each_finds_what_ecma_262_finds) {
    for (auto const& row : match_cases) {
        auto const compiled = pattern::compile(row.pattern, memory_max);
        ASSERT_TRUE(compiled) << row.pattern << " " << compiled.error();
        EXPECT_EQ(compiled->found_in(row.text), row.found) << row.pattern << " in " << row.text;
    }
}

TEST(pattern, what_is_not_ecma_262_or_not_linear_is_refused) {
    for (std::string_view const text :
         {"(?=a)",
          "(?!a)",
          "(?<=a)",
          "(?<!a)",
          R"((a)\1)",
          R"(\k<a>)",
          R"(\a)",
          R"(\A)",
          R"(\z)",
          R"(\Qa\E)",
          R"(\C)",
          R"(\p{Emoji})",
          R"(\p{Nonsense=L})",
          R"(\pL)",
          R"(\u12)",
          R"(\x1)",
          R"(\ud83d)",
          R"(\u{110000})",
          "(?i)a",
          "(?P<a>b)",
          "(",
          ")",
          "[a",
          "a**",
          "[b-a]",
          "a{2,1}",
          R"(\)",
          R"(\c1)"}) {
        EXPECT_FALSE(pattern::compile(text, memory_max)) << text;
    }
}

// The fast engine and RE2 must agree wherever the fast one takes a pattern.
TEST(simple_pattern, agrees_with_re2) {
    std::size_t taken = 0;
    for (std::string_view const text :
         {"^a", "^a$", "^ab?c*d+$", "^[a-c]{2,3}x$", "^[a-z]*-[0-9]+$", R"(^\d{2}:\d{2}$)", R"(^\w+\.\w+$)",
          "^[-a]+$", "^[a-]+$", "^a{0,2}b$", "^[.$]x", "^$", "^"}) {
        auto const simple = simple_pattern::compile(text);
        auto const translated = translate_pattern(text);
        ASSERT_TRUE(simple && translated) << text;
        re2::RE2 const general(*translated);
        ++taken;
        for (std::string_view const sample :
             {"",      "a",  "ab",    "abc",   "acd",      "abccdd",    "aax",  "abcx", "abcdx",
              "aaaax", "-1", "ab-12", "12:34", "12:345",   "a.b",       "a..b", "-a-",  "aab",
              "aaab",  "b",  "$x",    ".x-",   "\xc3\xa9", "a\xc3\xa9", "a\n"}) {
            EXPECT_EQ(
                simple->matches(sample),
                re2::RE2::PartialMatch(re2::StringPiece(sample.data(), sample.size()), general)
            ) << text
              << " in " << sample;
        }
    }
    EXPECT_EQ(taken, 13u);
}

TEST(simple_pattern, leaves_what_is_ambiguous_or_more_than_ascii_to_re2) {
    for (std::string_view const text :
         {"a", "^a*a$", "^a?ab$", "^[a-z]*x*y*[a-c]$", "^(a)$", "^a|b$", "^[^a]$", "^.$", R"(^\s$)",
          "^\xc3\xa9$", "^a+?$", "^a{2}{3}$", "^a$b", "^[]$", "^{2}", R"(^\p{L}$)"}) {
        EXPECT_FALSE(simple_pattern::compile(text)) << text;
    }
}

} // namespace gatehouse::json_schema
