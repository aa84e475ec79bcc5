// What explain() tells: the path, the keyword and the sentence of every kind of violation.
#include "protocol/json_schema/schema.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::json_schema {

namespace json = boost::json;

struct violation_case {
    std::string_view schema;
    std::string_view instance;
    std::string_view path;
    std::string_view keyword;
    std::string_view message;
};

static constexpr std::array violation_cases = std::to_array<violation_case>({
    {R"({"type": "string"})", "1", "", "type", "must be a string, not a number"},
    {R"({"type": ["string", "null", "object"]})", "[]", "", "type",
     "must be a string, an object or null, not an array"},
    {R"({"type": "integer"})", "1.5", "", "type", "must be an integer, not a number with a fraction"},
    {R"({"properties": {"a": {"items": {"type": "boolean"}}}})", R"({"a": [true, 1]})", "/a/1", "type",
     "must be a boolean, not a number"},
    {R"({"properties": {"a/b~": {"type": "null"}}})", R"({"a/b~": 1})", "/a~1b~0", "type",
     "must be null, not a number"},
    {R"({"enum": ["a", 1, null]})", "2", "", "enum", R"(must be one of: "a", 1, null)"},
    {R"({"enum": []})", "2", "", "enum", "is not allowed: there is no value that would be"},
    {R"({"const": 0.5})", "2", "", "const", "must be 0.5"},
    {R"({"minimum": 1})", "0", "", "minimum", "must be at least 1"},
    {R"({"maximum": 0.1})", "1", "", "maximum", "must be at most 0.1"},
    {R"({"exclusiveMinimum": 1})", "1", "", "exclusiveMinimum", "must be greater than 1"},
    {R"({"exclusiveMaximum": 1})", "1", "", "exclusiveMaximum", "must be less than 1"},
    {R"({"multipleOf": 5})", "7", "", "multipleOf", "must be a multiple of 5"},
    {R"({"minLength": 1})", R"("")", "", "minLength", "must have at least 1 character"},
    {R"({"maxLength": 2})", R"("abc")", "", "maxLength", "must have at most 2 characters"},
    {R"({"pattern": "^a+$"})", R"("b")", "", "pattern", "must match the pattern ^a+$"},
    {R"({"minItems": 2})", "[1]", "", "minItems", "must have at least 2 items"},
    {R"({"maxItems": 1})", "[1, 2]", "", "maxItems", "must have at most 1 item"},
    {R"({"uniqueItems": true})", "[1, 2, 1.0]", "", "uniqueItems", "must not have equal items; 0 and 2 are"},
    {R"({"contains": {"const": 1}})", "[2]", "", "contains",
     R"(must have at least 1 item of the kind that "contains" describes)"},
    {R"({"contains": {"const": 1}, "minContains": 2})", "[1]", "", "minContains",
     R"(must have at least 2 items of the kind that "contains" describes)"},
    {R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]", "", "maxContains",
     R"(must have at most 1 item of the kind that "contains" describes)"},
    {R"({"prefixItems": [true], "items": false})", "[1, 2]", "/1", "items",
     "is one item too many; at most 1 may be there"},
    {R"({"prefixItems": [true], "unevaluatedItems": false})", "[1, 2]", "/1", "unevaluatedItems",
     "is an item that is not allowed here"},
    {R"({"required": ["a"]})", "{}", "", "required", R"(must have the member "a")"},
    {R"({"properties": {"a": true, "b": {}}, "required": ["a"], "additionalProperties": false})",
     R"({"a": 1, "x": 1})", "/x", "additionalProperties", "is not a known member; known are: a, b"},
    {R"({"additionalProperties": false})", R"({"x": 1})", "/x", "additionalProperties",
     "is not a known member; no members are"},
    {R"({"additionalProperties": {"type": "string"}})", R"({"x": 1})", "/x", "type",
     "must be a string, not a number"},
    {R"({"unevaluatedProperties": false})", R"({"x": 1})", "/x", "unevaluatedProperties",
     "is not a known member"},
    {R"({"properties": {"x": false}})", R"({"x": 1})", "/x", "false", "is not allowed here"},
    {R"({"patternProperties": {"^x": {"type": "string"}}})", R"({"x1": 1})", "/x1", "type",
     "must be a string, not a number"},
    {R"({"propertyNames": {"maxLength": 1}})", R"({"xx": 1})", "/xx", "propertyNames",
     "has a name that is not allowed: the name must have at most 1 character"},
    {R"({"minProperties": 1})", "{}", "", "minProperties", "must have at least 1 member"},
    {R"({"maxProperties": 0})", R"({"a": 1})", "", "maxProperties", "must have at most 0 members"},
    {R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})", "", "dependentRequired",
     R"(must have the member "b", because it has "a")"},
    {R"({"dependentSchemas": {"a": {"required": ["b"]}}})", R"({"a": 1})", "", "required",
     R"(must have the member "b")"},
    {R"({"dependencies": {"a": ["b"]}})", R"({"a": 1})", "", "dependencies",
     R"(must have the member "b", because it has "a")"},
    {R"({"not": {"type": "null"}})", "null", "", "not", "is of a kind that is not allowed here"},
    {R"({"allOf": [{"minimum": 1}]})", "0", "", "minimum", "must be at least 1"},
    {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", "0", "", "anyOf",
     "matches none of the 2 alternatives that are allowed"},
    {R"({"anyOf": [{"type": "string"}, {"properties": {"a": {"minimum": 3}}}]})", R"({"a": 1})", "/a",
     "minimum", "must be at least 3"},
    {R"({"oneOf": [{"minimum": 1}, {"minimum": 2}]})", "3", "", "oneOf",
     "must match exactly one of 2 alternatives; it matches more than one"},
    {R"({"oneOf": [{"properties": {"kind": {"const": "a"}, "n": {"minimum": 1}}},
                   {"properties": {"kind": {"const": "b"}}}], "required": ["kind"]})",
     R"({"kind": "a", "n": 0})", "/n", "minimum", "must be at least 1"},
    {R"({"if": {"type": "number"}, "then": {"minimum": 1}})", "0", "", "minimum", "must be at least 1"},
    {R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}})", "0", "", "type",
     "must be a string, not a number"},
});

TEST(violation, each_kind_has_its_path_its_keyword_and_its_sentence) {
    for (auto const& row : violation_cases) {
        auto const compiled = compile(json::parse(json::string_view(row.schema.data(), row.schema.size())));
        ASSERT_TRUE(compiled) << row.schema << ": " << compiled.error().message;
        auto const instance = json::parse(json::string_view(row.instance.data(), row.instance.size()));
        EXPECT_FALSE(compiled->is_valid(instance)) << row.schema;
        auto const found = compiled->explain(instance);
        ASSERT_EQ(found.size(), 1u) << row.schema;
        EXPECT_EQ(found[0].path, row.path) << row.schema;
        EXPECT_EQ(found[0].keyword, row.keyword) << row.schema;
        EXPECT_EQ(found[0].message, row.message) << row.schema;
    }
}

TEST(violation, all_faults_are_told_in_the_order_of_the_instance_up_to_the_wanted_number) {
    auto const compiled = compile(json::parse(R"({
        "properties": {"a": {"type": "string"}, "b": {"minimum": 2, "multipleOf": 2}},
        "required": ["c", "d"]
    })"));
    ASSERT_TRUE(compiled);
    auto const instance = json::parse(R"({"b": 1, "a": 1})");
    std::vector<std::string> told;
    for (auto const& fault : compiled->explain(instance)) told.push_back(fault.path + " " + fault.keyword);
    EXPECT_EQ(
        told, (std::vector<std::string>{"/b minimum", "/b multipleOf", "/a type", " required", " required"})
    );
    EXPECT_EQ(compiled->explain(instance, 2).size(), 2u);
    EXPECT_EQ(compiled->explain(instance, 0).size(), 1u);
}

TEST(violation, no_message_repeats_a_value_of_the_instance) {
    auto const compiled = compile(json::parse(R"({
        "properties": {"a": {"type": "string", "pattern": "^x", "maxLength": 3, "enum": ["x"]}},
        "uniqueItems": true
    })"));
    ASSERT_TRUE(compiled);
    auto const faults = compiled->explain(json::parse(R"({"a": "s3cret"})"));
    EXPECT_EQ(faults.size(), 3u);
    for (auto const& fault : faults)
        EXPECT_EQ(fault.message.find("s3cret"), std::string::npos) << fault.message;
}

TEST(violation, long_lists_and_texts_are_cut_short) {
    json::array values;
    for (int at = 0; at < 100; ++at) values.emplace_back(std::string(500, 'x') + std::to_string(at));
    auto const compiled = compile(json::value{{"enum", values}});
    ASSERT_TRUE(compiled);
    auto const faults = compiled->explain(json::value(1));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_LT(faults[0].message.size(), 8'000u);
    EXPECT_TRUE(faults[0].message.ends_with("…"));
}

} // namespace gatehouse::json_schema
