// What compile() accepts and refuses, and what it says.
#include "protocol/json_schema/schema.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace gatehouse::json_schema {

namespace json = boost::json;

static json::value parsed(std::string_view text) {
    return json::parse(json::string_view(text.data(), text.size()));
}

struct refused_schema {
    std::string_view schema;
    std::string_view path;
    std::string_view message;
};

static constexpr std::array refused_schemas = std::to_array<refused_schema>({
    {"1", "", "must be a schema: an object, true or false"},
    {R"j({"properties": {"a": 1}})j", "/properties/a", "must be a schema: an object, true or false"},
    {R"j({"items": [{}]})j", "/items", R"j(must be a schema; one schema an item is what "prefixItems" takes)j"
    },
    {R"j({"allOf": []})j", "/allOf", "must be an array with at least one schema"},
    {R"j({"type": "text"})j", "/type", R"j("text" is not a type of JSON)j"},
    {R"j({"type": []})j", "/type", "must name at least one type"},
    {R"j({"required": "a"})j", "/required", "must be an array of strings"},
    {R"j({"minLength": -1})j", "/minLength", "must be an integer that is not negative"},
    {R"j({"minimum": "1"})j", "/minimum", "must be a number"},
    {R"j({"multipleOf": 0})j", "/multipleOf", "must be a number greater than 0"},
    {R"j({"uniqueItems": 1})j", "/uniqueItems", "must be true or false"},
    {R"j({"enum": {}})j", "/enum", "must be an array of values"},
    {R"j({"pattern": 1})j", "/pattern", "must be a string with a regular expression"},
    {R"j({"items": {"pattern": "(?=a)"}})j", "/items/pattern",
     R"j(the pattern "(?=a)" uses look-around, which can't be checked in linear time)j"},
    {R"j({"patternProperties": {"(a)\\1": {}}})j", R"j(/patternProperties/(a)\1)j",
     R"j(the pattern "(a)\1" uses a back-reference, which can't be checked in linear time)j"},
    {R"j({"$ref": "http://example.com/x"})j", "/$ref",
     R"j("http://example.com/x" names a document that is not known here; nothing is fetched)j"},
    {R"j({"$ref": "#/$defs/a"})j", "/$ref", R"j("#/$defs/a" leads nowhere in its document)j"},
    {R"j({"$ref": "#a"})j", "/$ref", R"j("#a" names an anchor that its document has not)j"},
    {R"j({"$ref": "#%zz"})j", "/$ref",
     R"j("#%zz" has a fragment that is not percent-encoded as it should be)j"},
    {R"j({"$id": "http://a/#b"})j", "/$id",
     R"j(must not have a fragment; "$anchor" names a place in a schema)j"},
    {R"j({"$anchor": "1"})j", "/$anchor", R"j(must be a name of letters, digits, "-", "_" and ".")j"},
    {R"j({"$schema": "https://example.com/dialect"})j", "/$schema",
     R"j(the dialect "https://example.com/dialect" is not known; known are draft 2020-12 and draft 7)j"},
    {R"j({"$defs": {"a": {"$id": "x"}, "b": {"$id": "x"}}})j", "/$defs/b/$id",
     R"j(the URI "x" names another schema already)j"},
    {R"j({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}})j", "/$defs/b/$anchor",
     R"j(the anchor "x" names another place already)j"},
});

TEST(compile, what_cannot_be_kept_is_refused_with_its_path_and_a_sentence) {
    for (auto const& row : refused_schemas) {
        auto const compiled = compile(parsed(row.schema));
        ASSERT_FALSE(compiled) << row.schema;
        EXPECT_EQ(compiled.error().path, row.path) << row.schema;
        EXPECT_EQ(compiled.error().message, row.message) << row.schema;
    }
}

TEST(compile, unknown_keywords_are_annotations_unless_they_are_to_be_refused) {
    auto const source = parsed(R"({"properties": {"a": {"minimun": 1, "x-note": 2}}})");
    EXPECT_TRUE(compile(source));
    auto const strict = compile(source, {.refuse_unknown_keywords = true});
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().path, "/properties/a/minimun");
    EXPECT_EQ(strict.error().message, "is not a known keyword");
    EXPECT_TRUE(compile(parsed(R"({"x-note": 2, "title": "a"})"), {.refuse_unknown_keywords = true}));
}

TEST(compile, the_metaschemas_are_known_without_being_given) {
    for (std::string_view const uri :
         {"https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"}) {
        auto const compiled = compile(json::value{{"$ref", uri}});
        ASSERT_TRUE(compiled) << compiled.error().message;
        EXPECT_TRUE(compiled->is_valid(parsed(R"({"type": "object", "properties": {"a": {"minLength": 1}}})"))
        );
        EXPECT_FALSE(compiled->is_valid(parsed(R"({"properties": {"a": {"minLength": -1}}})")));
        auto const faults = compiled->explain(parsed(R"({"properties": {"a": {"minLength": -1}}})"));
        ASSERT_FALSE(faults.empty());
        EXPECT_EQ(faults[0].path, "/properties/a/minLength");
    }
}

TEST(compile, references_reach_the_documents_of_the_set_and_errors_name_them) {
    document_set documents;
    documents.add(
        "https://example.com/names", parsed(R"({"$defs": {"name": {"type": "string"}, "bad": {"type": 1}}})")
    );
    auto const good = compile(
        parsed(R"({"$ref": "names#/$defs/name"})"),
        {.documents = &documents, .base_uri = "https://example.com/root"}
    );
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_TRUE(good->is_valid("a"));
    EXPECT_FALSE(good->is_valid(1));
    auto const bad =
        compile(parsed(R"({"$ref": "https://example.com/names#/$defs/bad"})"), {.documents = &documents});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().path, "https://example.com/names#/$defs/bad/type");
}

TEST(compile, a_reference_may_name_a_place_under_an_unknown_keyword) {
    auto const compiled =
        compile(parsed(R"({"$ref": "#/x-kinds/a", "x-kinds": {"a": {"items": {"type": "string"}}}})"));
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_TRUE(compiled->is_valid(parsed(R"(["a"])")));
    EXPECT_FALSE(compiled->is_valid(parsed("[1]")));
}

TEST(compile, a_schema_outlives_the_buffer_its_source_was_parsed_into) {
    std::optional<schema> kept;
    {
        std::array<unsigned char, 4096> buffer;
        json::monotonic_resource resource(buffer.data(), buffer.size());
        auto const source = json::parse(
            R"({"enum": [["a longer text that does not fit into the value"], 1.5], "multipleOf": 0.5})",
            &resource
        );
        auto compiled = compile(source);
        ASSERT_TRUE(compiled);
        kept = *compiled;
        buffer.fill(0xff);
    }
    EXPECT_TRUE(kept->is_valid(1.5));
    EXPECT_TRUE(kept->is_valid(parsed(R"(["a longer text that does not fit into the value"])")));
    EXPECT_FALSE(kept->is_valid(2));
}

TEST(compile, draft_6_is_read_as_draft_7_and_ref_makes_its_neighbours_void_there) {
    for (std::string_view const uri :
         {"http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#"}) {
        json::value const source{
            {"$schema", uri},
            {"definitions", {{"any", true}}},
            {"$ref", "#/definitions/any"},
            {"type", "null"}
        };
        auto const compiled = compile(source);
        ASSERT_TRUE(compiled) << compiled.error().message;
        EXPECT_TRUE(compiled->is_valid("not null")) << uri;
    }
}

struct date_time_case {
    std::string_view text;
    bool valid;
};

static constexpr std::array date_time_cases = std::to_array<date_time_case>({
    {"2026-11-21T02:20:30.000Z", true},
    {"2026-11-21t02:20:30z", true},
    {"2024-02-29T00:00:00+23:59", true},
    {"1998-12-31T23:59:60Z", true},
    {"1998-12-31T15:59:60.123-08:00", true},
    {"2023-02-29T00:00:00Z", false},
    {"1998-12-31T22:59:60Z", false},
    {"2026-11-21T02:20:30", false},
    {"2026-11-21 02:20:30Z", false},
    {"2026-11-21T24:00:00Z", false},
    {"2026-11-21T02:20:30.Z", false},
    {"2026-11-21T02:20:30+24:00", false},
    {"2026-13-01T00:00:00Z", false},
    {"2026-11-21T02:60:30Z", false},
    {"2026-11-21T02:20:30Zx", false},
    {"", false},
});

TEST(compile, date_time_is_asserted_only_where_it_is_asked_for) {
    auto const source = parsed(R"({"format": "date-time"})");
    auto const noted = compile(source);
    auto const asserted = compile(source, {.assert_date_time = true});
    ASSERT_TRUE(noted && asserted);
    for (auto const& row : date_time_cases) {
        EXPECT_TRUE(noted->is_valid(json::value(row.text)));
        EXPECT_EQ(asserted->is_valid(json::value(row.text)), row.valid) << row.text;
    }
}

} // namespace gatehouse::json_schema
