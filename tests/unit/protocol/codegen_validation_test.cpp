// The contract under our own validator: every example passes its schema, and every way to spoil it is
// refused.
#include "protocol/gen/bundled_schemas.hpp"
#include "protocol/json_schema/schema.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace gatehouse::protocol {
namespace {

namespace json = boost::json;

struct contract {
    json_schema::document_set documents;
    std::map<std::string, json::value, std::less<>> by_path;

    contract() {
        for (bundled_schema const& schema : bundled_schemas()) {
            json::value document = json::parse({schema.text.data(), schema.text.size()});
            documents.add(schema.uri, document);
            by_path.emplace(schema.path, std::move(document));
        }
    }

    json_schema::schema compiled(std::string const& uri) const {
        json_schema::compile_options options{.documents = &documents, .assert_date_time = true};
        auto schema = json_schema::compile(json::object{{"$ref", uri}}, options);
        if (!schema)
            throw std::runtime_error(uri + ": " + schema.error().path + " " + schema.error().message);
        return *schema;
    }

    // The schema a property stands for, references to types followed.
    json::object const& resolved(json::value const& schema) const {
        json::object const* at = &schema.as_object();
        while (json::value const* reference = at->if_contains("$ref")) {
            std::string_view target = reference->as_string();
            at = &by_path.at("types/" + std::string(target.substr(target.rfind('/') + 1))).as_object();
        }
        return *at;
    }
};

contract const& the_contract() {
    static contract const loaded;
    return loaded;
}

std::string explained(json_schema::schema const& schema, json::value const& value) {
    std::string text;
    for (auto const& found : schema.explain(value))
        text += found.path + " " + found.keyword + ": " + found.message + "\n";
    return text + json::serialize(value);
}

// Calls `with(name of schema, schema object, compiled schema, example)` for each example of a message.
template <class F>
void for_each_example(F with) {
    for (auto const& [path, document] : the_contract().by_path) {
        if (!path.starts_with("methods/")) continue;
        for (char const* part : {"params", "result"}) {
            json::value const* object = document.as_object().if_contains(part);
            if (!object) continue;
            std::string uri = "gatehouse:/" + path + "#/" + part;
            json_schema::schema schema = the_contract().compiled(uri);
            for (json::value const& example : document.at("examples").as_array())
                with(uri, the_contract().resolved(*object), schema, example.at(part));
        }
    }
}

TEST(codegen_validation, every_example_of_a_message_passes_its_schema) {
    for_each_example([](std::string const& uri, auto const&, auto const& schema, json::value const& example) {
        EXPECT_TRUE(schema.is_valid(example)) << uri << "\n" << explained(schema, example);
    });
}

TEST(codegen_validation, every_example_of_a_payload_passes_its_schema) {
    for (auto const& [path, document] : the_contract().by_path) {
        if (path.starts_with("methods/") || path == "errors.json") continue;
        json_schema::schema schema = the_contract().compiled("gatehouse:/" + path);
        json::value const* examples = document.as_object().if_contains("examples");
        for (json::value const& example : examples ? examples->as_array() : json::array{})
            EXPECT_TRUE(schema.is_valid(example)) << path << "\n" << explained(schema, example);
    }
}

TEST(codegen_validation, a_member_nobody_knows_is_refused_everywhere) {
    for_each_example([](std::string const& uri, auto const& object, auto const& schema, json::value example) {
        if (!object.contains("properties")) return;
        example.as_object()["intruder"] = 1;
        auto found = schema.explain(example);
        ASSERT_EQ(found.size(), 1u) << uri;
        EXPECT_EQ(found[0].keyword, "additionalProperties") << uri;
    });
}

TEST(codegen_validation, a_required_member_that_is_missing_is_refused) {
    for_each_example([](std::string const& uri, auto const& object, auto const& schema,
                        json::value const& example) {
        json::value const* required = object.if_contains("required");
        for (json::value const& name : required ? required->as_array() : json::array{}) {
            json::value spoiled = example;
            spoiled.as_object().erase(name.as_string());
            EXPECT_FALSE(schema.is_valid(spoiled)) << uri << " without " << name;
        }
    });
}

TEST(codegen_validation, a_member_of_the_wrong_type_is_refused_with_its_path) {
    for_each_example([](std::string const& uri, auto const& object, auto const& schema,
                        json::value const& example) {
        json::value const* properties = object.if_contains("properties");
        if (!properties) return;
        for (auto const& member : properties->as_object()) {
            json::object const& inner = the_contract().resolved(member.value());
            json::value const* type = inner.if_contains("type");
            if (!type || !type->is_string()) continue;
            json::value spoiled = example;
            spoiled.as_object()[member.key()] =
                type->as_string() == "boolean" ? json::value(0) : json::value(true);
            auto found = schema.explain(spoiled);
            ASSERT_EQ(found.size(), 1u) << uri << " " << member.key();
            EXPECT_EQ(found[0].path, "/" + std::string(member.key())) << uri;
        }
    });
}

struct params_case {
    char const* method;
    char const* params;
    char const* path; // where it is refused; null: it is good
};

constexpr params_case cases[] = {
    {"ping", R"({"_meta":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})", nullptr
    },
    {"ping", R"({"_meta":{"traceparent":"00-zz"}})", "/_meta/traceparent"},
    {"ping", R"({"_meta":{"other":1}})", "/_meta/other"},
    {"ping", R"({"idempotency_key":"k"})", "/idempotency_key"},
    {"run.get", R"({"run_id":"run_00000000000000000000000000"})", nullptr},
    {"run.get", R"({"run_id":"ses_something_else"})", nullptr},
    {"run.get", R"({"run_id":""})", "/run_id"},
    {"run.get", R"({"run_id":"../../etc/passwd"})", "/run_id"},
    {"run.get", R"({"run_id":"run_1","wait_ms":-1})", "/wait_ms"},
    {"run.get", R"({"run_id":"run_1","wait_ms":1.5})", "/wait_ms"},
    {"run.get", R"({"run_id":"run_1","wait_ms":5.0})", nullptr},
    {"run.list", R"({"limit":100000})", nullptr},
    {"run.list", R"({"limit":0})", "/limit"},
    {"run.list", R"({"state":"done"})", "/state"},
    {"run.start", R"({"input":{"text":""}})", nullptr},
    {"run.start", R"({"input":{"text":"a","more":1}})", "/input/more"},
    {"run.start", R"({"input":{"text":"a","attachments":[{"name":"x"}]}})", "/input/attachments/0"},
    {"run.start", R"({"input":{"text":"a"},"session_key":"a\nb"})", "/session_key"},
    {"run.start", R"({"input":{"text":"a"},"idempotency_key":""})", "/idempotency_key"},
    {"run.start", R"({"input":{"text":"a"},"idempotency_key":"ümlaut"})", "/idempotency_key"},
    {"agent.put", R"({"name":"a b","model":"demo"})", "/name"},
    {"agent.put", R"({"name":"a","model":"demo","temperature":2.5})", "/temperature"},
    {"events.subscribe", R"({"topics":["*","runs","run:run_1","session:ses_1"]})", nullptr},
    {"events.subscribe", R"({"topics":[]})", "/topics"},
    {"events.subscribe", R"({"topics":["run"]})", "/topics/0"},
    {"connect", R"({"protocol":2,"role":"client"})", "/protocol"},
    {"connect", R"({"protocol":1,"role":"admin"})", "/role"},
    {"node.invoke", R"({"node":"n","capability":"sys__tem","operation":"info","arguments":{}})", "/capability"
    },
    {"node.invoke", R"({"node":"n","capability":"System","operation":"info","arguments":{}})", "/capability"},
    {"node.invoke", R"({"node":"n","capability":"a_b","operation":"info_","arguments":{"any":[1]}})", nullptr
    },
    {"policy.put", R"({"rules":[{"effect":"allow","tool":"*","when":{"type":"object"}}]})", nullptr},
    {"policy.put", R"({"rules":[{"effect":"allow","tool":"*","when":"yes"}]})", "/rules/0/when"},
    {"policy.put", R"({"rules":[{"effect":"permit","tool":"*"}]})", "/rules/0/effect"},
    {"token.issue", R"({"kind":"node","scopes":[]})", "/kind"},
};

TEST(codegen_validation, params_are_refused_where_they_are_wrong) {
    for (params_case const& given : cases) {
        json_schema::schema schema =
            the_contract().compiled("gatehouse:/methods/" + std::string(given.method) + ".json#/params");
        json::value params = json::parse(given.params);
        auto found = schema.explain(params);
        EXPECT_EQ(found.empty(), given.path == nullptr) << given.method << " " << given.params;
        EXPECT_EQ(schema.is_valid(params), found.empty()) << given.method << " " << given.params;
        if (given.path && !found.empty()) EXPECT_EQ(found[0].path, given.path) << given.method;
    }
}

} // namespace
} // namespace gatehouse::protocol
