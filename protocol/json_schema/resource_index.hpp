#pragma once
// Where every subschema stands: its document, its resource (the nearest "$id"), its path; and what a
// reference names.

#include "protocol/json_schema/keyword.hpp"
#include "protocol/json_schema/schema.hpp"

#include <boost/json/value.hpp>

#include <bitset>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::json_schema {

struct resource;

// One subschema in one document. Lives as long as its index.
struct place {
    boost::json::value const* schema;
    place const* parent; // null for the root of a document
    std::string steps;   // JSON Pointer from the parent to here, or the document's URI for a root
    resource* home;
    std::size_t depth;
};

// A schema with an identity of its own: the root of a document, or a subschema with "$id".
struct resource {
    std::string uri;
    place const* root = nullptr;
    std::size_t number = 0;
    dialect language = dialect::draft_2020_12;
    std::bitset<8> vocabularies =
        ~std::bitset<8>(); // by vocabulary; all of them unless a metaschema leaves some out
    std::map<std::string, boost::json::value const*, std::less<>> anchors = {};
    std::map<std::string, boost::json::value const*, std::less<>> dynamic_anchors = {};
};

// Takes in documents as references name them. The first error stays, and everything after it is void.
class resource_index {
  public:
    resource_index(compile_options const& options) : options_(options) {}

    // Takes in the schema to compile, and returns the place of its root.
    place const* add_root(boost::json::value const& document);

    // The place that `reference` names when it stands at `from`; null and an error where it names nothing
    // known.
    place const* resolve(place const& from, std::string_view keyword, std::string_view reference);

    // The place of a subschema that was taken in with its document.
    place const* place_of(boost::json::value const& schema) const;

    std::deque<resource> const& resources() const noexcept { return resources_; }

    // Keeps the error unless there is one already. `steps` leads from the place to what is wrong.
    void fail(place const& where, std::string_view steps, std::string message);
    std::optional<compile_error> const& error() const noexcept { return error_; }

  private:
    place const* add_document(std::string uri, boost::json::value const& document);
    place* enter(boost::json::value const& schema, place const* parent, std::string steps, resource* home);
    void enter_children(place const& parent);
    void enter_keyword(place const& parent, keyword const& word, boost::json::value const& value);
    void open_resource(place& at, std::string_view id);
    void read_identity(place& at);
    void read_anchors(place const& at);
    void read_dialect(place const& at);
    void read_vocabularies(place const& at, boost::json::value const& metaschema);
    resource* find_resource(std::string_view uri);
    place const* follow_pointer(resource& home, std::string_view pointer);

    compile_options const& options_;
    std::deque<place> places_;
    std::deque<resource> resources_;
    std::map<std::string, resource*, std::less<>> resources_by_uri_;
    std::unordered_map<boost::json::value const*, place*> places_by_schema_;
    std::optional<compile_error> error_;
};

} // namespace gatehouse::json_schema
