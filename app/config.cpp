#include "app/config.hpp"

#include "app/data_directory.hpp"
#include "protocol/gen/bundled_schemas.hpp"
#include "protocol/json_schema/schema.hpp"

#include <toml++/toml.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <numeric>

namespace gatehouse::app {

namespace json = boost::json;

namespace {

json::value to_json(toml::node const& node);

json::object to_json(toml::table const& table) {
    json::object o;
    for (auto const& [key, value] : table) o[std::string(key.str())] = to_json(value);
    return o;
}

json::value to_json(toml::node const& node) {
    if (auto const* table = node.as_table()) return to_json(*table);
    if (auto const* array = node.as_array()) {
        json::array a;
        for (auto const& each : *array) a.push_back(to_json(each));
        return a;
    }
    if (auto text = node.value_exact<std::string>()) return json::string(*text);
    if (auto flag = node.value_exact<bool>()) return *flag;
    if (auto number = node.value_exact<std::int64_t>()) return *number;
    if (auto number = node.value_exact<double>()) return *number;
    return nullptr; // a date: no setting takes one, so the schema refuses it
}

std::vector<std::string> segments_of(std::string_view pointer) {
    std::vector<std::string> segments;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        auto end = pointer.find('/');
        std::string segment(pointer.substr(0, end));
        pointer = end == std::string_view::npos ? std::string_view{} : pointer.substr(end);
        for (auto at = segment.find('~'); at != std::string::npos; at = segment.find('~', at + 1)) {
            segment.replace(at, 2, segment.compare(at, 2, "~1") == 0 ? "/" : "~");
        }
        segments.push_back(std::move(segment));
    }
    return segments;
}

// The line of the deepest part of `pointer` that the file has.
std::uint32_t line_of(toml::table const& root, std::vector<std::string> const& segments) {
    toml::node const* at = &root;
    std::uint32_t line = 1;
    for (auto const& segment : segments) {
        auto const* table = at->as_table();
        at = table ? table->get(segment) : nullptr;
        if (!at) break;
        line = at->source().begin.line;
    }
    return line;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            auto above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

json::value schema_document(std::string_view path) {
    for (auto const& each : protocol::bundled_schemas())
        if (each.path == path) return json::parse(each.text);
    return nullptr;
}

// The names that may stand where `segments` points, by the schema's own words.
std::vector<std::string> known_keys(std::vector<std::string> const& segments) {
    auto at = schema_document("config.json");
    for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
        auto const* properties = at.as_object().if_contains("properties");
        json::value next;
        if (properties && properties->as_object().contains(segments[i]))
            next = properties->at(segments[i]);
        else if (auto const* any = at.as_object().if_contains("additionalProperties");
                 any && any->is_object())
            next = *any;
        if (auto const* o = next.if_object(); o && o->contains("$ref")) {
            auto reference = std::string(o->at("$ref").as_string());
            next = schema_document(reference.substr(reference.find("types/")));
        }
        if (!next.is_object()) return {};
        at = std::move(next);
    }
    std::vector<std::string> keys;
    if (auto const* properties = at.as_object().if_contains("properties")) {
        for (auto const& each : properties->as_object()) keys.emplace_back(each.key());
    }
    return keys;
}

std::string dotted(std::vector<std::string> const& segments) {
    std::string text;
    for (auto const& s : segments) text += (text.empty() ? "" : ".") + s;
    return text;
}

std::string nearest_key(std::vector<std::string> const& segments) {
    auto keys = known_keys(segments);
    if (keys.empty()) return "";
    auto nearest = std::ranges::min_element(keys, {}, [&](auto const& key) {
        return edit_distance(key, segments.back());
    });
    auto right = segments;
    right.back() = *nearest;
    return "; did you mean '" + dotted(right) + "'?";
}

json_schema::schema config_schema() {
    json_schema::document_set documents;
    for (auto const& each : protocol::bundled_schemas()) documents.add(each.uri, json::parse(each.text));
    json_schema::compile_options options;
    options.documents = &documents;
    auto compiled = json_schema::compile(json::object{{"$ref", "gatehouse:/config.json"}}, options);
    if (!compiled) throw std::logic_error("schemas/config.json: " + compiled.error().message);
    return *compiled;
}

[[noreturn]] void
refuse(std::filesystem::path const& file, toml::table const& root, json_schema::violation const& v) {
    auto segments = segments_of(v.path);
    auto where = file.string() + ":" + std::to_string(line_of(root, segments)) + ": ";
    if (v.keyword == "additionalProperties" || v.keyword == "unevaluatedProperties") {
        throw startup_problem(where + "'" + dotted(segments) + "' is not a setting" + nearest_key(segments));
    }
    throw startup_problem(where + "'" + dotted(segments) + "' " + v.message + ".");
}

} // namespace

protocol::config default_config() { return {}; }

protocol::config read_config(std::filesystem::path const& file) {
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) {
        throw startup_problem(file.string() + " is a directory; --config takes a TOML file.");
    }
    toml::table root;
    try {
        root = toml::parse_file(file.string());
    } catch (toml::parse_error const& e) {
        auto line = e.source().begin.line;
        auto where = file.string() + (line > 0 ? ":" + std::to_string(line) : "");
        throw startup_problem(where + ": " + std::string(e.description()) + ".");
    }
    json::value document = to_json(root);
    auto schema = config_schema();
    if (auto wrong = schema.explain(document, 1); !wrong.empty()) refuse(file, root, wrong.front());
    protocol::config config;
    protocol::decode_json(document, config);
    return config;
}

} // namespace gatehouse::app
