#include "protocol/glob.hpp"

#include <cstddef>

namespace gatehouse {
namespace {

// Where the character after the one at `at` begins.
std::size_t next_character(std::string_view text, std::size_t at) {
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
    return at;
}

} // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t p = 0;
    std::size_t t = 0;
    // The last star, and where the text after its run begins. Earlier stars need no second try: whatever they
    // could give up, the last one can take.
    std::size_t after_star = none;
    std::size_t run_end = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            run_end = t;
        } else if (p < pattern.size() && pattern[p] == '?') {
            ++p;
            t = next_character(text, t);
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (after_star != none) {
            p = after_star;
            t = run_end = next_character(text, run_end);
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

} // namespace gatehouse
