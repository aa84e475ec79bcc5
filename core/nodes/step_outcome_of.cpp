#include "core/nodes/step_outcome_of.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/object.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

bool outcome_is_unknown(json::object const& error) {
    auto const* details = error.if_contains("details");
    return details && details->is_object() && details->get_object().contains("outcome") &&
           details->at("outcome") == json::value("unknown");
}

} // namespace

step_outcome step_outcome_of(std::int64_t ordinal, invocation const& row) {
    step_outcome outcome;
    outcome.ordinal = ordinal;
    outcome.artifacts = parse_own_json(row.evidence).as_array();
    if (row.state == "succeeded") {
        outcome.ok = true;
        outcome.output = parse_own_json(*row.result);
        return outcome;
    }
    json::object error{{"kind", "cancelled"}, {"message", "The call was cancelled."}};
    if (row.error) error = parse_own_json(*row.error).as_object();
    outcome.unknown = outcome_is_unknown(error);
    outcome.output = {{"error", std::move(error)}};
    return outcome;
}

} // namespace gatehouse::core
