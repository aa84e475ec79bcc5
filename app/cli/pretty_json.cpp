#include "app/cli/pretty_json.hpp"

#include "protocol/json_codec.hpp"

#include <boost/json/serialize.hpp>

#include <cstddef>

namespace gatehouse::app::cli {
namespace {

void append(std::string& out, boost::json::value const& value, std::size_t depth) {
    auto const new_line = [&out](std::size_t levels) {
        out += '\n';
        out.append(levels * 2, ' ');
    };
    char separator = '\0';
    auto const next = [&] {
        if (separator != '\0') out += separator;
        separator = ',';
        new_line(depth + 1);
    };
    if (value.is_object() && !value.get_object().empty()) {
        out += '{';
        for (auto const& member : value.get_object()) {
            next();
            out += boost::json::serialize(boost::json::string(member.key())) + ": ";
            append(out, member.value(), depth + 1);
        }
        new_line(depth);
        out += '}';
    } else if (value.is_array() && !value.get_array().empty()) {
        out += '[';
        for (auto const& item : value.get_array()) {
            next();
            append(out, item, depth + 1);
        }
        new_line(depth);
        out += ']';
    } else if (value.is_double()) {
        protocol::append_json(out, value.get_double()); // 0.5, where Boost writes 5E-1
    } else {
        out += boost::json::serialize(value);
    }
}

} // namespace

std::string pretty_json(boost::json::value const& value) {
    std::string out;
    append(out, value, 0);
    return out;
}

} // namespace gatehouse::app::cli
