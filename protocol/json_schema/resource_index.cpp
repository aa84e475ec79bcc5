#include "protocol/json_schema/resource_index.hpp"

#include "protocol/json_schema/json_pointer.hpp"
#include "protocol/json_schema/uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gatehouse::json_schema {

namespace json = boost::json;

static std::string_view text_of(json::object const& schema, std::string_view name) {
    auto const* value = schema.if_contains(name);
    auto const* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view();
}

static std::string path_of(place const& where, std::string_view steps) {
    if (!where.parent) return where.steps + (where.steps.empty() ? "" : "#") + std::string(steps);
    std::vector<place const*> way;
    for (auto const* at = &where; at; at = at->parent) way.push_back(at);
    std::string path = way.back()->steps.empty() ? "" : way.back()->steps + "#";
    for (std::size_t at = way.size() - 1; at-- > 0;) path += way[at]->steps;
    return path.append(steps);
}

void resource_index::fail(place const& where, std::string_view steps, std::string message) {
    if (!error_) error_ = compile_error{path_of(where, steps), std::move(message)};
}

place const* resource_index::place_of(json::value const& schema) const {
    auto const found = places_by_schema_.find(&schema);
    return found == places_by_schema_.end() ? nullptr : found->second;
}

place const* resource_index::add_root(json::value const& document) {
    auto const* root = add_document(std::string(split_fragment(options_.base_uri).uri), document);
    // Errors in the schema that was given are told without a URI, whatever its base is.
    places_.front().steps.clear();
    return root;
}

place const* resource_index::add_document(std::string uri, json::value const& document) {
    auto& home = resources_.emplace_back(resource{.uri = uri, .number = resources_.size()});
    home.language = options_.default_dialect;
    resources_by_uri_.emplace(uri, &home);
    return enter(document, nullptr, std::move(uri), &home);
}

place*
resource_index::enter(json::value const& schema, place const* parent, std::string steps, resource* home) {
    std::size_t const depth = parent ? parent->depth + 1 : 0;
    auto& at = places_.emplace_back(place{&schema, parent, std::move(steps), home, depth});
    places_by_schema_.emplace(&schema, &at);
    if (!parent) home->root = &at;
    auto const& limit = options_.limit;
    if (places_.size() > limit.subschemas_max) {
        fail(
            at, "",
            fmt::format("the schema has more than {} subschemas, which is the limit", limit.subschemas_max)
        );
    }
    if (depth > limit.schema_depth_max) {
        fail(
            at, "", fmt::format("subschemas nest deeper than {}, which is the limit", limit.schema_depth_max)
        );
    }
    if (error_ || !schema.is_object()) return &at;
    read_identity(at);
    read_anchors(at);
    enter_children(at);
    return &at;
}

void resource_index::enter_children(place const& parent) {
    for (auto const& [name, value] : parent.schema->get_object()) {
        auto const* word = find_keyword(name, parent.home->language);
        if (word && word->shape != subschema_shape::none) enter_keyword(parent, *word, value);
    }
}

void resource_index::enter_keyword(place const& parent, keyword const& word, json::value const& value) {
    using enum subschema_shape;
    bool const many = word.shape == list || (word.shape == one_or_list && value.is_array());
    if (many && value.is_array()) {
        auto const& items = value.get_array();
        for (std::size_t at = 0; at < items.size() && !error_; ++at) {
            enter(items[at], &parent, pointer_to(word.name, fmt::to_string(at)), parent.home);
        }
    } else if ((word.shape == map || word.shape == map_of_schema_or_names) && value.is_object()) {
        for (auto const& [name, member] : value.get_object()) {
            if (error_) return;
            bool const names_only = word.shape == map_of_schema_or_names && member.is_array();
            if (!names_only) enter(member, &parent, pointer_to(word.name, name), parent.home);
        }
    } else if (word.shape == one || word.shape == one_or_list) {
        enter(value, &parent, pointer_to(word.name), parent.home);
    }
}

void resource_index::open_resource(place& at, std::string_view id) {
    std::string uri(split_fragment(resolve_reference(at.home->uri, id)).uri);
    if (!at.parent) {
        // The root of a document keeps the name under which it was found and gets its own beside it.
        at.home->uri = uri;
    } else {
        auto const& around = *at.home;
        auto& opened =
            resources_.emplace_back(resource{.uri = uri, .root = &at, .number = resources_.size()});
        opened.language = around.language;
        opened.vocabularies = around.vocabularies;
        at.home = &opened;
    }
    auto const [known, fresh] = resources_by_uri_.emplace(std::move(uri), at.home);
    if (!fresh && known->second != at.home) {
        fail(at, "/$id", fmt::format("the URI \"{}\" names another schema already", at.home->uri));
    }
}

// Reads "$schema" and "$id". In draft 7 a "$ref" makes everything beside it void, and an "$id" that is only a
// fragment is an anchor.
void resource_index::read_identity(place& at) {
    auto const& schema = at.schema->get_object();
    auto const id = text_of(schema, "$id");
    auto const* declared = schema.if_contains("$id");
    bool const void_in_7 = at.home->language == dialect::draft_7 && schema.contains("$ref") && at.parent;
    if (declared && !declared->is_string()) fail(at, "/$id", "must be a string with a URI reference");
    bool const is_resource = !id.empty() && !id.starts_with('#') && !void_in_7;
    if (is_resource) open_resource(at, id);
    if (is_resource || !at.parent) read_dialect(at);
    if (id.empty() || void_in_7 || error_) return;
    auto const fragment = split_fragment(id).fragment;
    if (fragment.empty()) return;
    if (at.home->language == dialect::draft_7) {
        at.home->anchors.emplace(fragment, at.schema);
    } else {
        fail(at, "/$id", "must not have a fragment; \"$anchor\" names a place in a schema");
    }
}

static bool is_anchor(std::string_view name) noexcept {
    auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && letter(name.front()) && std::ranges::all_of(name, [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

void resource_index::read_anchors(place const& at) {
    if (at.home->language == dialect::draft_7) return;
    auto const& schema = at.schema->get_object();
    for (std::string_view const word : {"$anchor", "$dynamicAnchor"}) {
        if (!schema.contains(word)) continue;
        auto const name = text_of(schema, word);
        if (!is_anchor(name)) {
            fail(at, pointer_to(word), "must be a name of letters, digits, \"-\", \"_\" and \".\"");
            return;
        }
        auto const [known, fresh] = at.home->anchors.emplace(name, at.schema);
        if (!fresh && known->second != at.schema) {
            fail(at, pointer_to(word), fmt::format("the anchor \"{}\" names another place already", name));
        }
        if (word == "$dynamicAnchor") at.home->dynamic_anchors.emplace(name, at.schema);
    }
}

void resource_index::read_dialect(place const& at) {
    auto const* declared = at.schema->get_object().if_contains("$schema");
    if (!declared) return;
    if (!declared->is_string()) return fail(at, "/$schema", "must be a string with the URI of a metaschema");
    auto& home = *at.home;
    std::string uri(split_fragment(std::string_view(declared->get_string())).uri);
    json::value const* metaschema = nullptr;
    // A metaschema may name another one as its own; the count stops a ring of them.
    for (int hops = 0; hops < 8; ++hops) {
        bool const is_7 = uri.ends_with("://json-schema.org/draft-07/schema");
        bool const is_6 = uri.ends_with("://json-schema.org/draft-06/schema"); // draft 7 only adds to it
        home.language = is_7 || is_6 ? dialect::draft_7 : dialect::draft_2020_12;
        if (is_7 || is_6) return;
        if (uri == "https://json-schema.org/draft/2020-12/schema") break;
        auto const* known = options_.documents ? options_.documents->find(uri) : find_metaschema(uri);
        if (!known || !known->is_object()) {
            auto const text =
                fmt::format("the dialect \"{}\" is not known; known are draft 2020-12 and draft 7", uri);
            return fail(at, "/$schema", text);
        }
        if (!metaschema) metaschema = known;
        uri = split_fragment(text_of(known->get_object(), "$schema")).uri;
    }
    if (metaschema) read_vocabularies(at, *metaschema);
}

void resource_index::read_vocabularies(place const& at, json::value const& metaschema) {
    static constexpr std::string_view prefix = "https://json-schema.org/draft/2020-12/vocab/";
    static constexpr std::array<std::string_view, 7> names{"core",       "applicator",        "unevaluated",
                                                           "validation", "format-annotation", "content",
                                                           "meta-data"};
    auto const* declared = metaschema.get_object().if_contains("$vocabulary");
    if (!declared || !declared->is_object()) return;
    std::bitset<8> enabled;
    enabled.set(static_cast<std::size_t>(vocabulary::core));
    for (auto const& [uri, required] : declared->get_object()) {
        std::string_view const name = uri;
        auto const known =
            std::ranges::find(names, name.starts_with(prefix) ? name.substr(prefix.size()) : "");
        if (known != names.end()) {
            enabled.set(static_cast<std::size_t>(known - names.begin()));
        } else if (required == json::value(true)) {
            fail(
                at, "/$schema",
                fmt::format("it requires the vocabulary \"{}\", which this gateway has not", name)
            );
        }
    }
    at.home->vocabularies = enabled;
}

resource* resource_index::find_resource(std::string_view uri) {
    if (auto const found = resources_by_uri_.find(uri); found != resources_by_uri_.end())
        return found->second;
    auto const* document = options_.documents ? options_.documents->find(uri) : find_metaschema(uri);
    if (!document) return nullptr;
    // A document known under two URIs is taken in once: its own "$id" may be the one that is known already.
    if (auto const* known = place_of(*document)) return known->home;
    return add_document(std::string(uri), *document)->home;
}

place const*
resource_index::resolve(place const& from, std::string_view keyword, std::string_view reference) {
    std::string const target = resolve_reference(from.home->uri, reference);
    auto const [uri, raw_fragment] = split_fragment(target);
    auto* const home = find_resource(uri);
    auto const unknown = [&](std::string_view reason) -> place const* {
        fail(from, pointer_to(keyword), fmt::format("\"{}\" {}", reference, reason));
        return nullptr;
    };
    if (!home) return unknown("names a document that is not known here; nothing is fetched");
    if (error_) return nullptr;
    if (raw_fragment.empty()) return home->root;
    auto const fragment = percent_decode(raw_fragment);
    if (!fragment) return unknown("has a fragment that is not percent-encoded as it should be");
    if (fragment->starts_with('/')) {
        auto const* found = follow_pointer(*home, *fragment);
        return found ? found : unknown("leads nowhere in its document");
    }
    auto const anchor = home->anchors.find(*fragment);
    if (anchor == home->anchors.end()) return unknown("names an anchor that its document has not");
    return place_of(*anchor->second);
}

place const* resource_index::follow_pointer(resource& home, std::string_view pointer) {
    auto const* nearest = home.root;
    auto const* value = home.root->schema;
    std::size_t nearest_end = 0;
    for (std::size_t at = 0; at < pointer.size();) {
        auto const end = std::min(pointer.find('/', at + 1), pointer.size());
        value = step_into(*value, unescape_token(pointer.substr(at + 1, end - at - 1)));
        if (!value) return nullptr;
        at = end;
        auto const* known = place_of(*value);
        if (!known) continue;
        nearest = known;
        nearest_end = end;
    }
    if (nearest_end == pointer.size()) return nearest;
    // The reference points under a keyword that isn't known to hold schemas: it makes one of what it finds
    // there.
    return enter(*value, nearest, std::string(pointer.substr(nearest_end)), nearest->home);
}

} // namespace gatehouse::json_schema
