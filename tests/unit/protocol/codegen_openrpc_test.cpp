// The OpenRPC document is what strangers build their clients from: it must be whole.
#include "protocol/gen/method_list.hpp"
#include "protocol/gen/openrpc.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gatehouse::protocol {
namespace {

namespace json = boost::json;

json::value document() { return json::parse({openrpc().data(), openrpc().size()}); }

void collect_references(json::value const& value, std::set<std::string>& out) {
    if (value.is_array()) {
        for (json::value const& item : value.get_array()) collect_references(item, out);
    } else if (value.is_object()) {
        for (auto const& member : value.get_object()) {
            if (member.key() == "$ref")
                out.insert(std::string(member.value().as_string()));
            else
                collect_references(member.value(), out);
        }
    }
}

TEST(codegen_openrpc, names_every_method_a_peer_may_call_and_no_other) {
    std::set<std::string> named;
    json::value whole = document();
    for (json::value const& method : whole.at("methods").as_array())
        EXPECT_TRUE(named.insert(std::string(method.at("name").as_string())).second);
    for (method_descriptor const& method : method_list()) {
        bool callable = method.direction == method_direction::peer_to_gateway ||
                        method.direction == method_direction::node_to_gateway;
        EXPECT_EQ(named.contains(std::string(method.name)), callable) << method.name;
    }
    EXPECT_TRUE(named.contains("connect"));
    EXPECT_TRUE(named.contains("rpc.discover"));
}

TEST(codegen_openrpc, every_reference_has_its_target) {
    json::value whole = document();
    std::set<std::string> references;
    collect_references(whole, references);
    EXPECT_GT(references.size(), 20u);
    constexpr std::string_view prefix = "#/components/schemas/";
    for (std::string const& reference : references) {
        ASSERT_TRUE(reference.starts_with(prefix)) << reference;
        EXPECT_TRUE(whole.at("components").at("schemas").as_object().contains(reference.substr(prefix.size()))
        ) << reference;
    }
}

TEST(codegen_openrpc, has_what_the_specification_requires) {
    json::value whole = document();
    EXPECT_TRUE(whole.at("openrpc").as_string().starts_with("1.3"));
    EXPECT_TRUE(whole.at("info").at("title").is_string());
    EXPECT_EQ(whole.at("info").at("version").as_string(), GATEHOUSE_VERSION);
    for (json::value const& method : whole.at("methods").as_array()) {
        std::string name(method.at("name").as_string());
        bool optional_seen = false;
        std::set<std::string> names;
        for (json::value const& param : method.at("params").as_array()) {
            EXPECT_TRUE(names.insert(std::string(param.at("name").as_string())).second) << name;
            EXPECT_TRUE(param.at("schema").is_object()) << name;
            EXPECT_FALSE(optional_seen && param.at("required").as_bool())
                << name << ": required before optional";
            optional_seen = !param.at("required").as_bool();
        }
        bool notification = name == "capability.progress";
        EXPECT_EQ(method.as_object().contains("result"), !notification) << name;
        EXPECT_FALSE(method.at("examples").as_array().empty()) << name;
    }
}

} // namespace
} // namespace gatehouse::protocol
