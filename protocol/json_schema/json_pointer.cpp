#include "protocol/json_schema/json_pointer.hpp"

#include <charconv>

namespace gatehouse::json_schema {

void append_token(std::string& pointer, std::string_view token) {
    pointer += '/';
    for (char const c : token) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
}

std::string pointer_to(std::string_view keyword) {
    std::string out;
    append_token(out, keyword);
    return out;
}

std::string pointer_to(std::string_view keyword, std::string_view name) {
    std::string out = pointer_to(keyword);
    append_token(out, name);
    return out;
}

std::string unescape_token(std::string_view token) {
    std::string out;
    for (std::size_t at = 0; at < token.size(); ++at) {
        bool const escaped = token[at] == '~' && at + 1 < token.size();
        if (escaped && token[at + 1] == '0')
            out += '~';
        else if (escaped && token[at + 1] == '1')
            out += '/';
        else {
            out += token[at];
            continue;
        }
        ++at;
    }
    return out;
}

boost::json::value const* step_into(boost::json::value const& value, std::string_view token) {
    if (auto const* object = value.if_object()) return object->if_contains(token);
    auto const* array = value.if_array();
    if (!array || token.empty() || (token.size() > 1 && token.front() == '0')) return nullptr;
    std::size_t index = 0;
    auto const [end, failure] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (failure != std::errc() || end != token.data() + token.size()) return nullptr;
    return array->if_contains(index);
}

} // namespace gatehouse::json_schema
