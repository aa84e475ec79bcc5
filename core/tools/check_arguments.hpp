#pragma once
#include "protocol/error.hpp"

#include <boost/json/value.hpp>

#include <string_view>

namespace gatehouse::core {

// Checks `value` against a schema that a node brought. invalid_params with details [{path, keyword,
// message}]; `what` stands in the sentence ("arguments", "result"). A schema that cannot be compiled refuses
// everything. Any thread.
result<void> check_against_schema(
    boost::json::value const& schema, boost::json::value const& value, std::string_view what
);

} // namespace gatehouse::core
