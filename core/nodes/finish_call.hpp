#pragma once
#include "core/storage/transaction.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>

namespace gatehouse::core {

// What a node, or the time, made of a call.
struct call_answer {
    std::string invocation_id;
    std::optional<std::int64_t> connection_epoch; // where it came from; absent: from the gateway itself
    std::string state = "succeeded";              // "succeeded", "failed", "cancelled", "expired"
    std::optional<boost::json::value> result;
    std::optional<boost::json::value> error; // {kind, message, details?}
    boost::json::array evidence; // as the node sent it: {name, media_type, artifact_id? | data_base64?}
};

// Writes the answer into the call's row, once. Evidence that came as bytes becomes artifacts. An answer from
// a connection that is not the one the call went to last does not count. Returns the row as it is afterwards;
// nothing where there is no such call. Database thread.
std::optional<invocation> finish_call(transaction& tx, call_answer const& answer);

} // namespace gatehouse::core
