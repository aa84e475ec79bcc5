#pragma once
// JSON from outside, as I-JSON (RFC 7493) wants it: one meaning for each text. Boost.JSON alone lets the last
// of two equal keys win, reads 1e400 as infinity and rounds doubles wrongly in the last bit; here the first
// two are refused and doubles are exact, so that what is hashed (canonical_json.hpp) can be stored, read
// again and hashed to the same. Whatever text a hash is taken of later is read with these, never with
// boost::json::parse.
#include <boost/json/value.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace gatehouse {

// Deeper nesting is refused: the parser, the validator and the writers recurse.
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t own_json_depth_max = 64;

// More members in one object are refused. Boost.JSON's hash of keys can be made to collide by whoever chooses
// them, so this bounds what a member costs.
inline constexpr std::size_t json_members_max = 4096;

struct parse_failure {
    std::size_t offset;  // in bytes, where reading stopped
    std::string message; // a sentence
};

// Refused are: anything that RFC 8259 doesn't allow, a byte order mark, text that is not UTF-8, lone
// surrogates, equal keys in one object, infinite numbers, integers beyond ±(2^53-1), and the two limits
// above. Linear in the size of the text, with bounded stack. Any thread.
std::expected<boost::json::value, parse_failure> parse_json(std::string_view text);

// Text that this program wrote: what stands in the store, what an encoder made. It may be nested deeper,
// since what came from outside stands inside of it, and integers are taken as they are. Throws
// std::invalid_argument for anything that is not JSON. Any thread.
boost::json::value parse_own_json(std::string_view text);

// The same as parse_json for the hot path: keeps its memory from message to message, which halves the cost.
// One thread at a time.
class json_parser {
  public:
    json_parser();
    json_parser(json_parser&&) noexcept;
    json_parser& operator=(json_parser&&) noexcept;
    ~json_parser();

    // The value belongs to the parser and lives until the next parse(). So does a copy, unless it is assigned
    // to a value that exists or made with a storage_ptr of its own.
    std::expected<boost::json::value const*, parse_failure> parse(std::string_view text);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace gatehouse
