#include "protocol/json_schema/keyword.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::json_schema {

using enum vocabulary;
using enum subschema_shape;

static constexpr std::array keywords = std::to_array<keyword>({
    // name, 2020-12, 7, vocabulary, subschemas
    {"$schema", true, true, core, none},
    {"$id", true, true, core, none},
    {"$ref", true, true, core, none},
    {"$comment", true, true, core, none},
    {"$anchor", true, false, core, none},
    {"$dynamicRef", true, false, core, none},
    {"$dynamicAnchor", true, false, core, none},
    {"$vocabulary", true, false, core, none},
    {"$defs", true, false, core, map},
    {"definitions", true, true, core, map},
    {"properties", true, true, applicator, map},
    {"patternProperties", true, true, applicator, map},
    {"additionalProperties", true, true, applicator, one},
    {"propertyNames", true, true, applicator, one},
    {"prefixItems", true, false, applicator, list},
    {"items", true, false, applicator, one},
    {"items", false, true, applicator, one_or_list},
    {"additionalItems", false, true, applicator, one},
    {"contains", true, true, applicator, one},
    {"allOf", true, true, applicator, list},
    {"anyOf", true, true, applicator, list},
    {"oneOf", true, true, applicator, list},
    {"not", true, true, applicator, one},
    {"if", true, true, applicator, one},
    {"then", true, true, applicator, one},
    {"else", true, true, applicator, one},
    {"dependentSchemas", true, false, applicator, map},
    // Of draft 7, and 2020-12 allows for keeping it: to ignore what its author meant as a rule would be the
    // worse error.
    {"dependencies", true, true, applicator, map_of_schema_or_names},
    {"unevaluatedItems", true, false, unevaluated, one},
    {"unevaluatedProperties", true, false, unevaluated, one},
    {"type", true, true, validation, none},
    {"enum", true, true, validation, none},
    {"const", true, true, validation, none},
    {"multipleOf", true, true, validation, none},
    {"maximum", true, true, validation, none},
    {"exclusiveMaximum", true, true, validation, none},
    {"minimum", true, true, validation, none},
    {"exclusiveMinimum", true, true, validation, none},
    {"maxLength", true, true, validation, none},
    {"minLength", true, true, validation, none},
    {"pattern", true, true, validation, none},
    {"maxItems", true, true, validation, none},
    {"minItems", true, true, validation, none},
    {"uniqueItems", true, true, validation, none},
    {"maxContains", true, false, validation, none},
    {"minContains", true, false, validation, none},
    {"maxProperties", true, true, validation, none},
    {"minProperties", true, true, validation, none},
    {"required", true, true, validation, none},
    {"dependentRequired", true, false, validation, none},
    {"format", true, true, format, none},
    {"contentEncoding", true, true, content, none},
    {"contentMediaType", true, true, content, none},
    {"contentSchema", true, false, content, one},
    {"title", true, true, meta_data, none},
    {"description", true, true, meta_data, none},
    {"default", true, true, meta_data, none},
    {"deprecated", true, false, meta_data, none},
    {"readOnly", true, true, meta_data, none},
    {"writeOnly", true, true, meta_data, none},
    {"examples", true, true, meta_data, none},
});

keyword const* find_keyword(std::string_view name, dialect language) noexcept {
    auto const found = std::ranges::find_if(keywords, [&](keyword const& row) {
        return (language == dialect::draft_7 ? row.in_7 : row.in_2020_12) && row.name == name;
    });
    return found == keywords.end() ? nullptr : &*found;
}

} // namespace gatehouse::json_schema
