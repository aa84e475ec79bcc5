#include "protocol/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse {
namespace {

struct glob_case {
    std::string_view pattern, text;
    bool matches;
};

TEST(glob, stars_and_question_marks_match_and_everything_else_is_itself) {
    static constexpr glob_case cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "x", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?", "\xc3\xa9", true},
        {"??", "\xc3\xa9", false},
        {"?b",
         "\xf0\x9f\x98\x80"
         "b",
         true},
        {"node__*", "node__system__info", true},
        {"node__*", "node_", false},
        {"node__*", "xnode__system", false},
        {"*__info", "node__system__info", true},
        {"*__info", "node__system__info2", false},
        {"node__*__info", "node__system__info", true},
        {"node__*__info", "node__info", false},
        {"system.info", "system.info", true},
        {"system.info", "systemxinfo", false},
        {"system.info", "system.inf", false},
        {"a*b*c", "aXbXbc", true},
        {"a*b*c", "aXbXbcd", false},
        {"*a?", "aab", true},
        {"*a?", "baa", true},
        {"*a?", "bab", true},
        {"*a?", "bba", false},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
        {"\\*", "\\anything", true},
        {"A", "a", false},
        {"*\xc3\xa9", "caf\xc3\xa9", true},
    };
    for (auto const& each : cases) {
        EXPECT_EQ(glob_matches(each.pattern, each.text), each.matches) << each.pattern << " on " << each.text;
    }
}

TEST(glob, a_pattern_made_to_backtrack_ends_soon) {
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "*a";
    EXPECT_FALSE(glob_matches(pattern + "b", std::string(100'000, 'a')));
    EXPECT_TRUE(glob_matches(pattern, std::string(100'000, 'a')));
}

} // namespace
} // namespace gatehouse
