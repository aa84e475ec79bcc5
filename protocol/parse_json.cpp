#include "protocol/parse_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value_stack.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

namespace gatehouse {
namespace {

namespace json = boost::json;
using json::error_code;

constexpr std::int64_t integer_max = (std::int64_t{1} << 53) - 1;
// From here on canonical JSON writes a number with an exponent, and so it is no integer any more.
constexpr double exponent_min = 1e21;

constexpr std::string_view too_big_integer =
    "integers beyond ±9007199254740991 lose digits on their way; send this one as a string";
constexpr std::string_view too_big_number = "this number is too large for a double; send it as a string";

// What both handlers need no more than to exist.
struct silent_handler {
    static constexpr std::size_t max_object_size = json_members_max;
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return true; }
    bool on_object_end(std::size_t, error_code&) { return true; }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t, error_code&) { return true; }
    bool on_key_part(json::string_view, std::size_t, error_code&) { return true; }
    bool on_key(json::string_view, std::size_t, error_code&) { return true; }
    bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, error_code&) { return true; }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
    bool on_double(double, json::string_view, error_code&) { return true; }
    bool on_bool(bool, error_code&) { return true; }
    bool on_null(error_code&) { return true; }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }
};

// Builds the value; checks numbers on the way and counts keys.
struct building_handler : silent_handler {
    json::value_stack stack;
    std::size_t members = 0;
    std::string_view refusal;
    bool any_integer = false;

    bool on_object_end(std::size_t size, error_code&) {
        members += size;
        stack.push_object(size);
        return true;
    }
    bool on_array_end(std::size_t size, error_code&) {
        stack.push_array(size);
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        stack.push_chars(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, error_code&) {
        stack.push_key(part);
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, error_code&) {
        stack.push_chars(part);
        return true;
    }
    bool on_string(json::string_view part, std::size_t, error_code&) {
        stack.push_string(part);
        return true;
    }
    bool on_int64(std::int64_t number, json::string_view, error_code& failed) {
        if (!any_integer && (number > integer_max || number < -integer_max))
            return refuse(too_big_integer, failed);
        stack.push_int64(number);
        return true;
    }
    bool on_uint64(std::uint64_t number, json::string_view, error_code& failed) {
        if (!any_integer) return refuse(too_big_integer, failed);
        stack.push_uint64(number);
        return true;
    }
    bool on_double(double rough, json::string_view literal, error_code& failed) {
        // Boost.JSON's own double is off by one in the last place for every fifth literal.
        double number = 0;
        auto const read = std::from_chars(literal.data(), literal.data() + literal.size(), number);
        bool const nearly_zero = read.ec == std::errc::result_out_of_range && std::abs(rough) < 1;
        if (read.ec != std::errc() && !nearly_zero) return refuse(too_big_number, failed);
        // A double that would be written as such an integer is refused like one, so that what was read once
        // can always be read again.
        bool const integer_text = literal.find_first_of(".eE") == json::string_view::npos;
        bool const large = std::abs(number) > static_cast<double>(integer_max);
        if (!any_integer && large && (integer_text || std::abs(number) < exponent_min))
            return refuse(too_big_integer, failed);
        stack.push_double(number);
        return true;
    }
    bool on_bool(bool truth, error_code&) {
        stack.push_bool(truth);
        return true;
    }
    bool on_null(error_code&) {
        stack.push_null();
        return true;
    }

  private:
    bool refuse(std::string_view why, error_code& failed) {
        refusal = why;
        failed = json::error::not_exact;
        return false;
    }
};

// Finds the key that stands twice; used only when it is known that there is one.
struct duplicate_finder : silent_handler {
    std::vector<std::set<std::string>> open;
    std::string key;
    bool found = false;

    bool on_object_begin(error_code&) {
        open.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t, error_code&) {
        open.pop_back();
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        key.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, std::size_t, error_code& failed) {
        key.append(part.data(), part.size());
        if (!open.back().insert(key).second) {
            found = true;
            failed = json::error::not_exact;
            return false;
        }
        key.clear();
        return true;
    }
};

std::size_t count_members(json::value const& value) {
    std::size_t count = 0;
    if (auto const* object = value.if_object()) {
        count = object->size();
        for (auto const& member : *object) {
            if (member.value().is_structured()) count += count_members(member.value());
        }
    } else if (auto const* array = value.if_array()) {
        for (auto const& element : *array) {
            if (element.is_structured()) count += count_members(element);
        }
    }
    return count;
}

json::parse_options options(std::size_t depth_max = json_depth_max) {
    json::parse_options strict;
    strict.max_depth = depth_max;
    return strict;
}

using building_parser = json::basic_parser<building_handler>;

parse_failure duplicate_key(std::string_view text) {
    json::basic_parser<duplicate_finder> finder(options());
    error_code failed;
    std::size_t const offset = finder.write_some(false, text.data(), text.size(), failed);
    std::string key = finder.handler().key;
    if (key.size() > 100) key = key.substr(0, 100) + "…";
    return {offset, "the key \"" + key + "\" stands twice in one object"};
}

// True where reading stopped after "\\ud83d" without the second half, which Boost.JSON calls a syntax error.
bool follows_leading_surrogate(std::string_view text, std::size_t offset) {
    if (offset < 6) return false;
    std::string_view const escape = text.substr(offset - 6, 4);
    return escape.starts_with("\\u") && (escape[2] == 'd' || escape[2] == 'D') &&
           std::string_view("89abAB").contains(escape[3]);
}

std::string sentence_for(error_code reason, std::string_view text, std::size_t offset) {
    if (text.empty()) return "the text is empty; a JSON value was expected";
    if (text.starts_with("\xef\xbb\xbf")) return "JSON must not begin with a byte order mark";
    if (reason == json::error::incomplete || (reason == json::error::syntax && offset == text.size()))
        return "the text ends before the JSON value does";
    if (reason == json::error::extra_data) return "something follows the end of the JSON value";
    if (reason == json::error::too_deep) {
        return "arrays and objects are nested deeper than " + std::to_string(json_depth_max) + " levels";
    }
    if (reason == json::error::object_too_large) {
        return "an object has more than " + std::to_string(json_members_max) + " members";
    }
    if (reason == json::error::illegal_leading_surrogate ||
        reason == json::error::illegal_trailing_surrogate || reason == json::error::expected_utf16_escape ||
        follows_leading_surrogate(text, offset)) {
        return "a \\u escape stands for half of a surrogate pair";
    }
    if (reason == json::error::expected_hex_digit) return "a \\u escape needs four hex digits";
    if (reason == json::error::exponent_overflow) return std::string(too_big_number);
    if (reason == json::error::array_too_large || reason == json::error::key_too_large ||
        reason == json::error::string_too_large) {
        return "a part of the JSON value is too large";
    }
    if (offset < text.size() && static_cast<unsigned char>(text[offset]) >= 0x80) {
        return "the text is not valid UTF-8, or a character outside of a string isn't ASCII";
    }
    if (offset < text.size() && static_cast<unsigned char>(text[offset]) < 0x20) {
        return "a control character stands where JSON allows none; inside a string it must be escaped";
    }
    return "this is not valid JSON";
}

// Leaves the value on the parser's stack.
std::optional<parse_failure> run(building_parser& parser, std::string_view text) {
    auto& handler = parser.handler();
    error_code failed;
    std::size_t const offset = parser.write_some(false, text.data(), text.size(), failed);
    if (!failed && offset < text.size()) failed = json::error::extra_data;
    if (!failed) return std::nullopt;
    if (!handler.refusal.empty()) return parse_failure{offset, std::string(handler.refusal)};
    return parse_failure{offset, sentence_for(failed, text, offset)};
}

} // namespace

std::expected<json::value, parse_failure> parse_json(std::string_view text) {
    building_parser parser(options());
    parser.handler().stack.reset();
    if (auto failure = run(parser, text)) return std::unexpected(*std::move(failure));
    json::value value = parser.handler().stack.release();
    if (count_members(value) != parser.handler().members) return std::unexpected(duplicate_key(text));
    return value;
}

json::value parse_own_json(std::string_view text) {
    building_parser parser(options(own_json_depth_max));
    parser.handler().any_integer = true;
    parser.handler().stack.reset();
    if (auto const failure = run(parser, text)) {
        throw std::invalid_argument(
            "own JSON, at byte " + std::to_string(failure->offset) + ": " + failure->message
        );
    }
    return parser.handler().stack.release();
}

namespace {
// What a message takes beyond the first block. Boost's monotonic resource asks for twice as much each time,
// also after release(), so a parser that came here once is made anew.
class further_memory final : public json::memory_resource {
  public:
    bool was_used = false;

  private:
    void* do_allocate(std::size_t size, std::size_t align) override {
        was_used = true;
        return ::operator new(size, std::align_val_t(align));
    }
    void do_deallocate(void* at, std::size_t size, std::size_t align) override {
        ::operator delete(at, size, std::align_val_t(align));
    }
    bool do_is_equal(json::memory_resource const& other) const noexcept override { return this == &other; }
};
} // namespace

struct json_parser::state {
    state() : memory(first_block.data(), first_block.size(), &further), parser(options()) {}

    // Forgets the last message.
    void reset() {
        value.reset();
        parser.reset();
        parser.handler().stack.reset(&memory);
        memory.release();
        parser.handler().members = 0;
        parser.handler().refusal = {};
    }

    // A message of 1 KiB needs about 4 KiB.
    std::array<unsigned char, std::size_t{16} * 1024> first_block;
    further_memory further;
    json::monotonic_resource memory;
    building_parser parser;
    std::optional<json::value> value;
    bool spent = false;
};

namespace {
// A longer text leaves buffers of many times its size behind, which are then given back.
constexpr std::size_t kept_text_size_max = std::size_t{64} * 1024;
} // namespace

json_parser::json_parser() : state_(std::make_unique<state>()) {}
json_parser::json_parser(json_parser&&) noexcept = default;
json_parser& json_parser::operator=(json_parser&&) noexcept = default;
json_parser::~json_parser() = default;

std::expected<json::value const*, parse_failure> json_parser::parse(std::string_view text) {
    if (state_->spent || state_->further.was_used) state_ = std::make_unique<state>();
    state& s = *state_;
    s.reset();
    s.spent = text.size() > kept_text_size_max;
    if (auto failure = run(s.parser, text)) return std::unexpected(*std::move(failure));
    s.value.emplace(s.parser.handler().stack.release());
    if (s.parser.handler().members != 0 && count_members(*s.value) != s.parser.handler().members) {
        return std::unexpected(duplicate_key(text));
    }
    return &*s.value;
}

} // namespace gatehouse
