#pragma once
// The small pieces that generated encoders and decoders are made of. Encoders append JSON text to a string
// without a DOM in between; decoders read values that have passed their schema, so a value that does not fit
// is a bug: it throws.
#include "protocol/parse_json.hpp"
#include "protocol/timestamp.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::protocol {

// A document the gateway stores and passes on without looking into it: one JSON value as text, valid JSON at
// all times. Decoding a peer's message writes it anew, so numbers and strings may change their spelling,
// never their value.
struct raw_json {
    std::string text = "null";
    bool operator==(raw_json const&) const = default;
};

// `text` must be UTF-8; it is escaped as RFC 8259 asks and no further. Any thread, as everything here.
void append_json(std::string& out, std::string_view text);
void append_json(std::string& out, std::int64_t number);
// The shortest text that reads back the same. Throws std::domain_error for infinities and NaN.
void append_json(std::string& out, double number);
void append_json(std::string& out, timestamp time);
void append_json(std::string& out, raw_json const& document);
void append_json(std::string& out, boost::json::object const& free_form);
void append_json(std::string& out, boost::json::array const& free_form);

// Templates, so that nothing slips in here by an implicit conversion.
template <std::same_as<bool> Bool>
void append_json(std::string& out, Bool value) {
    out += value ? "true" : "false";
}
void append_json_value(std::string& out, boost::json::value const& free_form);
template <std::same_as<boost::json::value> Value>
void append_json(std::string& out, Value const& free_form) {
    append_json_value(out, free_form);
}

template <class T>
void append_json(std::string& out, std::vector<T> const& list) {
    out += '[';
    bool first = true;
    for (T const& item : list) {
        if (!first) out += ',';
        first = false;
        append_json(out, item);
    }
    out += ']';
}

template <class T>
void append_json(std::string& out, std::map<std::string, T, std::less<>> const& map) {
    out += '{';
    bool first = true;
    for (auto const& [name, item] : map) {
        if (!first) out += ',';
        first = false;
        append_json(out, std::string_view(name));
        out += ':';
        append_json(out, item);
    }
    out += '}';
}

// Ends an object whose members were each written with a comma after them.
inline void close_object(std::string& out) {
    if (out.back() == ',')
        out.back() = '}';
    else
        out += '}';
}

// The text of a string value, valid as long as the value is.
std::string_view text_of(boost::json::value const& from);

void decode_json(boost::json::value const& from, std::string& to);
// 5.0 is an integer too, as JSON Schema has it; beyond 64 bits the nearest one that fits.
void decode_json(boost::json::value const& from, std::int64_t& to);
void decode_json(boost::json::value const& from, double& to);
void decode_json(boost::json::value const& from, bool& to);
void decode_json(boost::json::value const& from, timestamp& to);
void decode_json(boost::json::value const& from, raw_json& to);
void decode_json(boost::json::value const& from, boost::json::value& to);
void decode_json(boost::json::value const& from, boost::json::object& to);
void decode_json(boost::json::value const& from, boost::json::array& to);

template <class T>
void decode_json(boost::json::value const& from, std::vector<T>& to) {
    boost::json::array const& list = from.as_array();
    to.clear();
    to.reserve(list.size());
    for (boost::json::value const& item : list) {
        T decoded{};
        decode_json(item, decoded);
        to.push_back(std::move(decoded));
    }
}

template <class T>
void decode_json(boost::json::value const& from, std::map<std::string, T, std::less<>>& to) {
    to.clear();
    for (auto const& member : from.as_object()) decode_json(member.value(), to[std::string(member.key())]);
}

template <class T>
T decoded_enum(std::optional<T> value, boost::json::value const& from, char const* type) {
    if (!value) throw std::invalid_argument(std::string(text_of(from)) + " is not a " + type);
    return *value;
}

// The JSON text of any generated type.
template <class T>
std::string to_json_text(T const& from) {
    std::string out;
    append_json(out, from);
    return out;
}

// A generated type out of a value that has passed its schema.
template <class T>
T from_json(boost::json::value const& from) {
    T to{};
    decode_json(from, to);
    return to;
}

// The same as a value, for whoever stores it inside a free-form one. Slower than to_json_text.
template <class T>
boost::json::value to_json(T const& from) {
    return parse_own_json(to_json_text(from));
}

} // namespace gatehouse::protocol
