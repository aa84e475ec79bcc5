#include "protocol/json_schema/document_set.hpp"

#include "protocol/json_schema/metaschemas/metaschemas.hpp"
#include "protocol/json_schema/uri.hpp"

#include <boost/json/parse.hpp>

namespace gatehouse::json_schema {

namespace json = boost::json;

using document_map = std::map<std::string, json::value, std::less<>>;

static std::string_view root_id(json::value const& document) {
    auto const* object = document.if_object();
    auto const* id = object ? object->if_contains("$id") : nullptr;
    auto const* text = id ? id->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view();
}

static document_map parse_metaschemas() {
    document_map known;
    for (auto const texts : {draft_2020_12_metaschemas(), draft_7_metaschemas()}) {
        for (auto const text : texts) {
            json::value document = json::parse(text);
            std::string uri(split_fragment(root_id(document)).uri);
            known.emplace(std::move(uri), std::move(document));
        }
    }
    return known;
}

json::value const* find_metaschema(std::string_view uri) {
    static document_map const known = parse_metaschemas();
    auto const found = known.find(uri);
    return found == known.end() ? nullptr : &found->second;
}

void document_set::add(std::string_view uri, json::value const& document) {
    auto const store = [&](std::string_view name) {
        // The copy goes to the default storage: the caller's may be a parse buffer that is soon reused.
        documents_.insert_or_assign(std::string(name), json::value(document, json::storage_ptr()));
    };
    auto const location = split_fragment(uri).uri;
    store(location);
    auto const id = split_fragment(root_id(document)).uri;
    if (is_absolute(id) && id != location) store(id);
}

json::value const* document_set::find(std::string_view uri) const {
    auto const found = documents_.find(uri);
    return found == documents_.end() ? find_metaschema(uri) : &found->second;
}

} // namespace gatehouse::json_schema
