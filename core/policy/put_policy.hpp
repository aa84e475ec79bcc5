#pragma once
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"

#include <boost/json/array.hpp>

#include <cstdint>
#include <optional>

namespace gatehouse::core {

// Replaces all rules; the version goes up by one. wrong_state: `expected_version` is given and another one is
// stored; invalid_params: a `when` that is no JSON Schema. Database thread.
result<policy_document>
put_policy(transaction& tx, boost::json::array const& rules, std::optional<std::int64_t> expected_version);

} // namespace gatehouse::core
