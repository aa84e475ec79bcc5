#include "protocol/json_schema/violation_text.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>

namespace gatehouse::json_schema::text {

namespace json = boost::json;

// Longer lists and texts end in an ellipsis: a message is read by people and models, and paid for by the
// byte.
static constexpr std::size_t listed_max = 30;
static constexpr std::size_t text_bytes_max = 200;

static std::string shortened(std::string text) {
    if (text.size() <= text_bytes_max) return text;
    std::size_t end = text_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    return text + "…";
}

static std::string written(json::value const& value) {
    if (value.is_double()) return fmt::format("{}", value.get_double());
    return shortened(json::serialize(value));
}

static std::string_view noun_of(json::value const& value) {
    switch (value.kind()) {
    case json::kind::null:
        return "null";
    case json::kind::bool_:
        return "a boolean";
    case json::kind::string:
        return "a string";
    case json::kind::array:
        return "an array";
    case json::kind::object:
        return "an object";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
        return "a number";
    }
    return "something else";
}

std::string wrong_type(std::uint8_t types, json::value const& value) {
    static constexpr std::array<std::pair<json_type, std::string_view>, 7> nouns{{
        {type_string, "a string"},
        {type_number, "a number"},
        {type_integer, "an integer"},
        {type_boolean, "a boolean"},
        {type_object, "an object"},
        {type_array, "an array"},
        {type_null, "null"},
    }};
    std::vector<std::string_view> wanted;
    for (auto const& [type, noun] : nouns) {
        if ((types & type) != 0) wanted.push_back(noun);
    }
    std::string out = "must be ";
    for (std::size_t at = 0; at < wanted.size(); ++at) {
        if (at > 0) out += at + 1 == wanted.size() ? " or " : ", ";
        out += wanted[at];
    }
    bool const fraction = value.is_double() && (types & type_integer) != 0;
    return out + (fraction ? ", not a number with a fraction" : fmt::format(", not {}", noun_of(value)));
}

std::string wrong_value(value_rules const& rules) {
    if (rules.all.empty()) return "is not allowed: there is no value that would be";
    if (rules.all.size() == 1) return "must be " + written(rules.all.front());
    std::string out = "must be one of: ";
    for (std::size_t at = 0; at < rules.all.size(); ++at) {
        if (at > 0) out += ", ";
        if (at == listed_max) return out + "…";
        out += written(rules.all[at]);
    }
    return out;
}

std::string wrong_number(std::string_view relation, json::value const& bound) {
    return fmt::format("must be {} {}", relation, written(bound));
}

std::string
wrong_count(std::string_view verb, std::string_view relation, std::size_t bound, std::string_view noun) {
    return fmt::format("must {} {} {} {}{}", verb, relation, bound, noun, bound == 1 ? "" : "s");
}

std::string wrong_pattern(pattern const& wanted) {
    return "must match the pattern " + shortened(wanted.source());
}

std::string unknown_member(object_rules const& rules) {
    std::string known;
    std::size_t listed = 0;
    for (auto const& entry : rules.members.entries()) {
        if (!entry.value.declared) continue;
        if (listed > 0) known += ", ";
        if (listed == listed_max) {
            known += "…";
            break;
        }
        known += shortened(entry.name);
        ++listed;
    }
    if (listed == 0) return "is not a known member; no members are";
    return "is not a known member; known are: " + known;
}

} // namespace gatehouse::json_schema::text
