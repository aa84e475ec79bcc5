// Schemas and instances that want to cost more than they may: each ends in a clear error or a "limit", in
// bounded work.
#include "protocol/json_schema/schema.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace gatehouse::json_schema {

namespace json = boost::json;

static json::value parsed(std::string_view text) {
    return json::parse(json::string_view(text.data(), text.size()));
}

static void expect_refused(json::value const& source, std::string_view expected, limits limit = {}) {
    auto const compiled = compile(source, {.limit = limit});
    ASSERT_FALSE(compiled) << expected;
    EXPECT_NE(compiled.error().message.find(expected), std::string::npos) << compiled.error().message;
}

static json::value nested(std::string_view keyword, std::size_t depth) {
    json::value out = true;
    for (std::size_t level = 0; level < depth; ++level) out = json::object{{keyword, std::move(out)}};
    return out;
}

static json::value nested_arrays(std::size_t depth) {
    json::value out = json::array();
    for (std::size_t level = 0; level < depth; ++level) out = json::array({std::move(out)});
    return out;
}

// Definitions a0 … an, each made from the next one by `from_next`.
static json::value chain(std::size_t length, auto const& from_next) {
    json::object definitions;
    for (std::size_t at = 0; at < length; ++at) {
        definitions[fmt::format("a{}", at)] = from_next(fmt::format("#/$defs/a{}", at + 1));
    }
    definitions[fmt::format("a{}", length)] = json::object{{"type", "string"}};
    return json::object{{"$ref", "#/$defs/a0"}, {"$defs", std::move(definitions)}};
}

static json::value reference(std::string_view target) { return json::object{{"$ref", target}}; }

static bool tells_limit(schema const& compiled, json::value const& instance) {
    auto const faults = compiled.explain(instance);
    return std::ranges::any_of(faults, [](violation const& fault) { return fault.keyword == "limit"; });
}

TEST(hostile_schema, deep_nesting_is_refused_before_the_stack_ends) {
    EXPECT_TRUE(compile(nested("items", 120)));
    expect_refused(nested("items", 200), "subschemas nest deeper than 128");
    expect_refused(nested("not", 20'000), "subschemas nest deeper than 128");
}

TEST(hostile_schema, too_many_subschemas_are_refused) {
    json::object members;
    for (int at = 0; at < 30'000; ++at) members[fmt::format("m{}", at)] = true;
    expect_refused(json::object{{"properties", std::move(members)}}, "more than 20000 subschemas");
}

TEST(hostile_schema, references_that_lead_back_without_progress_are_refused) {
    for (std::string_view const text : {
             R"({"$ref": "#"})",
             R"({"allOf": [{"$ref": "#"}]})",
             R"({"anyOf": [{"type": "string"}, {"$ref": "#"}]})",
             R"({"not": {"oneOf": [{"$ref": "#"}]}})",
             R"({"if": true, "then": {"$ref": "#"}})",
             R"({"dependentSchemas": {"a": {"$ref": "#"}}})",
             R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})",
         }) {
        expect_refused(parsed(text), "leads back to itself");
    }
    EXPECT_TRUE(compile(parsed(R"({"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}})")));
}

TEST(hostile_schema, a_dynamic_reference_that_leads_back_ends_in_a_limit) {
    auto const compiled = compile(parsed(R"({"$dynamicAnchor": "a", "allOf": [{"$dynamicRef": "#a"}]})"));
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_FALSE(compiled->is_valid(1));
    EXPECT_TRUE(tells_limit(*compiled, 1));
}

TEST(hostile_schema, exponential_references_at_one_value_are_refused) {
    for (std::string_view const keyword : {"allOf", "anyOf", "oneOf"}) {
        auto const source = chain(40, [&](std::string_view next) -> json::value {
            return json::object{{keyword, {reference(next), reference(next)}}};
        });
        expect_refused(source, "multiply to more than 10000 checks");
    }
}

TEST(hostile_schema, a_long_chain_of_references_is_refused) {
    expect_refused(
        chain(1'000, [](std::string_view next) { return reference(next); }), "chain of references is longer"
    );
    auto const compiled = compile(chain(200, [](std::string_view next) { return reference(next); }));
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_TRUE(compiled->is_valid("a"));
    EXPECT_FALSE(compiled->is_valid(1));
}

TEST(hostile_schema, branches_that_multiply_over_the_depth_of_a_value_end_in_a_limit) {
    auto const source = parsed(R"({"anyOf": [
        {"items": {"$ref": "#"}, "type": "array", "not": {"items": {"$ref": "#"}}},
        {"items": {"$ref": "#"}, "type": "array"}
    ]})");
    auto const compiled = compile(source, {.limit = {.evaluation_steps_max = 50'000}});
    ASSERT_TRUE(compiled) << compiled.error().message;
    auto const deep = nested_arrays(60);
    EXPECT_FALSE(compiled->is_valid(deep));
    EXPECT_TRUE(tells_limit(*compiled, deep));
}

TEST(hostile_schema, giant_patterns_are_refused) {
    expect_refused(json::object{{"pattern", std::string(5'000, 'a')}}, "longer than 4096 bytes");
    expect_refused(json::object{{"pattern", "\\p{Letter}{900}(a|b)"}}, "needs more memory");
    expect_refused(json::object{{"pattern", "(a|b){1001}"}}, "is not a pattern that can be checked");
    json::object members;
    for (int at = 0; at < 110; ++at) members[fmt::format("^(m|n){}", at)] = true;
    expect_refused(json::object{{"patternProperties", std::move(members)}}, "more than 100 patterns");
}

TEST(hostile_schema, patterns_that_are_large_together_are_refused) {
    json::object members;
    for (int at = 0; at < 10; ++at) members[fmt::format("^[\\p{{Letter}}{}]{{5}}(a|b)", at)] = true;
    expect_refused(json::object{{"patternProperties", std::move(members)}}, "too large together");
}

TEST(hostile_schema, a_pattern_with_more_states_than_memory_is_given_up_before_it_costs_seconds) {
    auto const compiled = compile(parsed(R"j({"pattern": "([ab]*a[ab]{200}c|[ab]*b[ab]{150}d)"})j"));
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_FALSE(compiled->is_valid(json::value(std::string(1'000, 'a'))));
    auto const large = json::value(std::string(1'000'000, 'a'));
    EXPECT_FALSE(compiled->is_valid(large));
    EXPECT_TRUE(tells_limit(*compiled, large));
}

TEST(hostile_schema, a_pattern_that_kills_backtrackers_takes_linear_time) {
    auto const compiled = compile(parsed(R"j({"pattern": "^([a-z]|[0-9])*(a+)+$"})j"));
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_TRUE(compiled->is_valid(json::value(std::string(500'000, 'a'))));
    EXPECT_FALSE(compiled->is_valid(json::value(std::string(500'000, 'a') + "!")));
}

TEST(hostile_schema, a_value_as_deep_as_the_limit_is_checked_and_a_deeper_one_is_not) {
    auto const compiled = compile(parsed(R"({"type": "array", "items": {"$ref": "#"}})"));
    ASSERT_TRUE(compiled);
    EXPECT_TRUE(compiled->is_valid(nested_arrays(500)));
    EXPECT_FALSE(compiled->is_valid(nested_arrays(600)));
    EXPECT_TRUE(tells_limit(*compiled, nested_arrays(600)));
    EXPECT_FALSE(compiled->is_valid(nested_arrays(5'000)));
}

TEST(hostile_schema, giving_up_is_a_no_under_not_as_well) {
    auto const compiled =
        compile(parsed(R"({"not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}})")
        );
    ASSERT_TRUE(compiled);
    EXPECT_FALSE(compiled->is_valid(nested_arrays(600)));
    EXPECT_TRUE(tells_limit(*compiled, nested_arrays(600)));
}

TEST(hostile_schema, deep_equality_ends_at_its_depth) {
    auto const unique = compile(parsed(R"({"uniqueItems": true})"));
    auto const constant = compile(json::object{{"const", nested_arrays(600)}});
    ASSERT_TRUE(unique && constant);
    EXPECT_FALSE(unique->is_valid(json::array({nested_arrays(600), nested_arrays(600)})));
    EXPECT_FALSE(constant->is_valid(nested_arrays(600)));
    EXPECT_TRUE(tells_limit(*constant, nested_arrays(600)));
}

TEST(hostile_schema, many_items_are_compared_in_less_than_square_time) {
    json::array different;
    json::array equal_ones;
    for (int at = 0; at < 20'000; ++at) {
        different.emplace_back(json::array({at, "a"}));
        equal_ones.emplace_back(json::object{{"a", 1}, {"b", 2.0}});
    }
    auto const compiled = compile(parsed(R"({"uniqueItems": true})"));
    ASSERT_TRUE(compiled);
    EXPECT_TRUE(compiled->is_valid(different));
    auto const faults = compiled->explain(equal_ones);
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].message, "must not have equal items; 0 and 1 are");
}

TEST(hostile_schema, more_work_than_the_limit_is_a_no_with_its_own_keyword) {
    auto const compiled =
        compile(parsed(R"({"items": {"type": "integer"}})"), {.limit = {.evaluation_steps_max = 100}});
    ASSERT_TRUE(compiled);
    EXPECT_TRUE(compiled->is_valid(json::array(90, json::value(1))));
    EXPECT_FALSE(compiled->is_valid(json::array(300, json::value(1))));
    auto const faults = compiled->explain(json::array(300, json::value(1)));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].keyword, "limit");
}

TEST(hostile_schema, a_mebibyte_of_small_values_stays_below_the_limit) {
    auto const compiled = compile(parsed(
        R"({"items": {"$ref": "#/$defs/number"}, "$defs": {"number": {"type": "integer", "minimum": 0}}})"
    ));
    ASSERT_TRUE(compiled);
    EXPECT_TRUE(compiled->is_valid(json::array(524'288, json::value(1))));
}

TEST(hostile_schema, a_ring_of_metaschemas_and_documents_that_name_each_other_end) {
    document_set documents;
    documents.add("http://a/ring1", parsed(R"({"$schema": "http://a/ring2"})"));
    documents.add("http://a/ring2", parsed(R"({"$schema": "http://a/ring1"})"));
    documents.add("http://a/x", parsed(R"({"$ref": "http://a/y"})"));
    documents.add("http://a/y", parsed(R"({"$ref": "http://a/x"})"));
    EXPECT_TRUE(compile(parsed(R"({"$schema": "http://a/ring1"})"), {.documents = &documents}));
    auto const compiled = compile(parsed(R"({"$ref": "http://a/x"})"), {.documents = &documents});
    ASSERT_FALSE(compiled);
    EXPECT_NE(compiled.error().message.find("leads back to itself"), std::string::npos);
}

} // namespace gatehouse::json_schema
