#pragma once
#include "protocol/error.hpp"
#include "protocol/json_schema/schema.hpp"

#include <boost/json/value.hpp>

#include <expected>
#include <string_view>

namespace gatehouse::core {

// A schema that a node brought, compiled. Cheap to copy; any thread.
class value_schema {
  public:
    explicit value_schema(boost::json::value const& schema) : compiled_(json_schema::compile(schema)) {}

    // invalid_params with details [{path, keyword, message}]; `what` stands in the sentence ("arguments of
    // …"). A schema that could not be compiled refuses everything.
    result<void> check(boost::json::value const& value, std::string_view what) const;

  private:
    std::expected<json_schema::schema, json_schema::compile_error> compiled_;
};

} // namespace gatehouse::core
