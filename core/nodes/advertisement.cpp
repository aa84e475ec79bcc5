#include "core/nodes/advertisement.hpp"

#include "protocol/canonical_json.hpp"
#include "protocol/digest.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

advertised_operation read_operation(std::string capability, json::object const& op) {
    auto const& input = op.at("input_schema");
    auto const* output = op.if_contains("output_schema");
    auto const* description = op.if_contains("description");
    auto const* idempotent = op.if_contains("idempotent");
    return {
        .capability = std::move(capability),
        .name = json::value_to<std::string>(op.at("name")),
        .description = description ? json::value_to<std::string>(*description) : "",
        .risk = json::value_to<std::string>(op.at("risk")),
        .idempotent = idempotent && idempotent->as_bool(),
        .input_schema = input.is_object() ? input.get_object() : json::object(),
        .hash = sha256_hex(canonical_json(op)),
        .input = value_schema(input),
        .output = output ? std::optional(value_schema(*output)) : std::nullopt,
    };
}

} // namespace

advertisement::advertisement(json_text capabilities) : text_(std::move(capabilities)) {
    auto const parsed = parse_own_json(text_);
    for (auto const& capability : parsed.as_array()) {
        for (auto const& op : capability.at("operations").as_array())
            operations_.push_back(
                read_operation(json::value_to<std::string>(capability.at("id")), op.as_object())
            );
    }
}

advertised_operation const*
advertisement::find(std::string_view capability, std::string_view operation) const {
    auto found = std::ranges::find_if(operations_, [&](auto const& each) {
        return each.capability == capability && each.name == operation;
    });
    return found == operations_.end() ? nullptr : &*found;
}

} // namespace gatehouse::core
