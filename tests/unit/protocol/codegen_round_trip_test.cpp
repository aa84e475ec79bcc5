// What the generator makes of the schemas, tried with the examples that stand in them.
#include "protocol/gen/bundled_schemas.hpp"
#include "protocol/gen/method_list.hpp"
#include "tests/gen/round_trip.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::protocol {
namespace {

namespace json = boost::json;

struct example {
    std::string uri;
    json::value value;
};

void collect(
    std::vector<example>& out, std::string const& uri, json::value const& document, char const* part
) {
    for (json::value const& given : document.at("examples").as_array())
        if (json::value const* value = given.as_object().if_contains(part))
            out.push_back({uri + "#/" + part, *value});
}

std::vector<example> all_examples() {
    std::vector<example> out;
    for (bundled_schema const& schema : bundled_schemas()) {
        json::value document = json::parse({schema.text.data(), schema.text.size()});
        std::string uri(schema.uri);
        if (schema.path.starts_with("methods/")) {
            collect(out, uri, document, "params");
            collect(out, uri, document, "result");
        } else if (auto const* given = document.as_object().if_contains("examples")) {
            for (json::value const& value : given->as_array()) out.push_back({uri, value});
        }
    }
    return out;
}

round_trip const* round_trip_of(std::string_view uri) {
    auto const* found = std::ranges::find(round_trips, uri, &round_trip::uri);
    return found == std::end(round_trips) ? nullptr : found;
}

// All that is in `part` is in `whole` too; the whole may have members with their defaults beside it.
bool contains(json::value const& whole, json::value const& part) {
    if (part.is_object() && whole.is_object()) {
        return std::ranges::all_of(part.get_object(), [&](json::key_value_pair const& member) {
            json::value const* other = whole.get_object().if_contains(member.key());
            return other && contains(*other, member.value());
        });
    }
    if (part.is_array() && whole.is_array()) {
        json::array const& left = whole.get_array();
        json::array const& right = part.get_array();
        return std::ranges::equal(left, right, [](auto const& a, auto const& b) { return contains(a, b); });
    }
    return whole == part;
}

TEST(codegen_round_trip, an_example_decodes_and_encodes_to_itself) {
    std::vector<example> examples = all_examples();
    EXPECT_GT(examples.size(), 100u);
    for (example const& given : examples) {
        round_trip const* type = round_trip_of(given.uri);
        ASSERT_TRUE(type) << given.uri;
        json::value back = type->run(given.value);
        EXPECT_TRUE(contains(back, given.value)) << given.uri << "\n" << given.value << "\n" << back;
        EXPECT_EQ(type->run(back), back) << given.uri;
    }
}

TEST(codegen_round_trip, every_message_event_and_tape_item_has_an_example) {
    std::vector<example> examples = all_examples();
    for (round_trip const& type : round_trips) {
        if (type.uri.starts_with("gatehouse:/types/") || type.uri == "gatehouse:/config.json") continue;
        EXPECT_TRUE(std::ranges::any_of(examples, [&](auto const& e) { return e.uri == type.uri; }))
            << type.uri;
    }
}

TEST(codegen_round_trip, members_with_a_default_are_filled_in) {
    auto page = agent_list::decode({});
    EXPECT_EQ(page.limit, 100);
    EXPECT_FALSE(page.after);
    auto agent = agent_put::decode(json::object{{"name", "a"}, {"model", "demo"}});
    EXPECT_EQ(agent.tools, std::vector<std::string>{"*"});
    EXPECT_EQ(agent.max_turns, 64);
    auto settings = from_json<config>(json::object{});
    EXPECT_EQ(settings.listen, "127.0.0.1:8787");
    EXPECT_EQ(settings.limits.max_frame_bytes, 1 << 20);
    EXPECT_EQ(
        settings.roles, (std::vector{process_role::edge, process_role::worker, process_role::scheduler})
    );
}

TEST(codegen_round_trip, two_lines_of_configuration_name_a_model) {
    auto settings = from_json<config>(
        json::parse(R"({"models":{"local":{"base_url":"http://127.0.0.1:11434/v1","model":"qwen3"}}})")
    );
    ASSERT_TRUE(settings.models);
    model_settings const& local = settings.models->at("local");
    EXPECT_EQ(local.provider, model_provider::openai_compatible);
    EXPECT_EQ(local.base_url, "http://127.0.0.1:11434/v1");
}

TEST(codegen_round_trip, absent_optional_members_are_not_written) {
    run_cancel::params params{.run_id = "run_1"};
    EXPECT_EQ(run_cancel::encode_params(params), R"({"run_id":"run_1"})");
    params.reason = "because \"so\"\n";
    params.meta = request_meta{};
    EXPECT_EQ(
        run_cancel::encode_params(params), R"({"run_id":"run_1","reason":"because \"so\"\n","_meta":{}})"
    );
}

TEST(codegen_round_trip, a_document_is_passed_on_as_its_text) {
    tape_item item{
        .seq = 1, .kind = "note", .payload = {R"({"text":"é","n":1e2})"}, .prev_hash = "0", .hash = "1"
    };
    EXPECT_NE(to_json_text(item).find(R"("payload":{"text":"é","n":1e2},)"), std::string::npos);
}

TEST(codegen_round_trip, enums_have_the_words_of_the_contract) {
    for (run_state state : run_state_values) EXPECT_EQ(parse_run_state(to_string(state)), state);
    EXPECT_EQ(to_string(run_state::waiting), "waiting");
    EXPECT_FALSE(parse_run_state("Waiting"));
    EXPECT_FALSE(parse_run_state(""));
    EXPECT_THROW(from_json<run_state>(json::value("gone")), std::invalid_argument);
}

TEST(codegen_round_trip, the_method_list_says_who_may_send_what) {
    method_descriptor const* start = find_method("run.start");
    ASSERT_TRUE(start);
    EXPECT_EQ(start->required_scope, scope::write);
    EXPECT_TRUE(start->mutating && start->for_clients && start->over_http && !start->for_nodes);
    EXPECT_FALSE(find_method("run.sto"));
    // A node may only connect, ping and speak of its capabilities.
    for (method_descriptor const& method : method_list()) {
        bool to_gateway = method.direction == method_direction::peer_to_gateway ||
                          method.direction == method_direction::node_to_gateway;
        if (!to_gateway || !method.for_nodes) continue;
        EXPECT_TRUE(
            method.name == "connect" || method.name == "ping" || method.name == "capability.update" ||
            method.name == "capability.progress"
        ) << method.name;
    }
}

TEST(codegen_round_trip, whatever_changes_state_takes_an_idempotency_key) {
    for (bundled_schema const& schema : bundled_schemas()) {
        if (!schema.path.starts_with("methods/")) continue;
        json::value document = json::parse({schema.text.data(), schema.text.size()});
        bool from_peer = document.at("direction").as_string().ends_with("_to_gateway");
        json::object const& params = document.at("params").at("properties").as_object();
        if (!from_peer) continue;
        EXPECT_EQ(params.contains("idempotency_key"), document.at("mutating").as_bool()) << schema.path;
        EXPECT_TRUE(params.contains("_meta")) << schema.path;
        EXPECT_EQ(document.at("params").at("additionalProperties"), json::value(false)) << schema.path;
    }
}

} // namespace
} // namespace gatehouse::protocol
