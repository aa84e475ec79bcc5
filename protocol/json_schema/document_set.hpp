#pragma once
// The documents that a "$ref" or "$schema" may name. Nothing is ever fetched: what isn't in the set doesn't
// exist.

#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

// Known documents by URI. The metaschemas of draft 2020-12 and draft 7 are in every set. Filled first, then
// only read: any number of threads may compile against one set that nobody adds to any more.
class document_set {
  public:
    // Makes `document` known under `uri` (an empty fragment is dropped), and under the "$id" of its root
    // where that is an absolute URI. A URI that is already there gets the new document.
    void add(std::string_view uri, boost::json::value const& document);

    // The document under `uri` (without fragment), or null. The pointer lives as long as the set isn't added
    // to.
    boost::json::value const* find(std::string_view uri) const;

  private:
    std::map<std::string, boost::json::value, std::less<>> documents_;
};

// The metaschema with that URI (without fragment), or null. Lives for ever; callable from any thread.
boost::json::value const* find_metaschema(std::string_view uri);

} // namespace gatehouse::json_schema
