#include "app/dispatch/contract_schemas.hpp"

#include "protocol/gen/bundled_schemas.hpp"
#include "protocol/gen/method_list.hpp"

#include <boost/json/parse.hpp>

#include <stdexcept>

namespace gatehouse::app {

namespace {

constexpr std::string_view artifact_uri = "gatehouse:/types/artifact_ref.json";

#ifdef NDEBUG
constexpr bool checks_results = false;
#else
constexpr bool checks_results = true;
#endif

json_schema::schema compile_reference(json_schema::document_set const& documents, std::string_view uri) {
    json_schema::compile_options options;
    options.documents = &documents;
    options.base_uri = "gatehouse:/";
    options.assert_date_time = true;
    auto compiled = json_schema::compile(boost::json::object{{"$ref", uri}}, options);
    if (!compiled) {
        throw std::logic_error(
            "schemas: " + std::string(uri) + ": " + compiled.error().path + ": " + compiled.error().message
        );
    }
    return *compiled;
}

} // namespace

contract_schemas::contract_schemas() {
    json_schema::document_set documents;
    for (auto const& each : protocol::bundled_schemas())
        documents.add(each.uri, boost::json::parse(each.text));
    by_uri_.emplace(artifact_uri, compile_reference(documents, artifact_uri));
    for (auto const& method : protocol::method_list()) {
        by_uri_.emplace(method.params_schema_uri, compile_reference(documents, method.params_schema_uri));
        // What nodes answer is checked always: it comes from outside.
        bool is_answer_to_us = method.direction == protocol::method_direction::gateway_to_node;
        if ((checks_results || is_answer_to_us) && !method.result_schema_uri.empty()) {
            by_uri_.emplace(method.result_schema_uri, compile_reference(documents, method.result_schema_uri));
        }
    }
}

json_schema::schema const& contract_schemas::params_of(protocol::method_descriptor const& method) const {
    return by_uri_.at(method.params_schema_uri);
}

json_schema::schema const& contract_schemas::artifact_reference() const { return by_uri_.at(artifact_uri); }

json_schema::schema const* contract_schemas::result_of(protocol::method_descriptor const& method) const {
    auto found = by_uri_.find(method.result_schema_uri);
    return found == by_uri_.end() ? nullptr : &found->second;
}

} // namespace gatehouse::app
