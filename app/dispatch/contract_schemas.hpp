#pragma once
// The contract's schemas, compiled once at the start.
#include "protocol/json_schema/schema.hpp"
#include "protocol/method_descriptor.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

// Any thread, once it is made.
class contract_schemas {
  public:
    // Compiles the schema of every method's params and, where results are checked too (debug and test
    // builds), of its result. Throws std::logic_error for a schema that does not compile: a bug in schemas/.
    contract_schemas();

    json_schema::schema const& params_of(protocol::method_descriptor const& method) const;
    // Nothing for notifications, and in release builds only for what nodes answer.
    json_schema::schema const* result_of(protocol::method_descriptor const& method) const;

    json_schema::schema const& artifact_reference() const;

  private:
    std::map<std::string_view, json_schema::schema, std::less<>> by_uri_;
};

} // namespace gatehouse::app
