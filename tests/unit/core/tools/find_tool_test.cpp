#include "core/tools/find_tool.hpp"

#include "tests/support/store_fixture.hpp"

#include <fmt/format.h>

namespace gatehouse::core {
namespace {

namespace json = boost::json;

class find_tool_test : public testing::store_fixture {
  protected:
    // Its operation fs.read takes an argument of this name, and no other.
    void add_node(std::string device_id, std::string argument, bool revoked = false) {
        node n;
        n.device_id = device_id;
        n.public_key = n.label = device_id;
        n.trust = "remote";
        n.allow = {"*"};
        n.revoked = revoked;
        n.instance_id = "ins_a";
        n.capabilities = fmt::format(
            R"([{{"id":"fs","version":"1.0.0","operations":[{{"name":"read","description":"","risk":"read",
            "input_schema":{{"type":"object","properties":{{"{}":{{}}}},"additionalProperties":false}}}}]}}])",
            argument
        );
        write([n](transaction& tx) { tx.nodes().put(n); });
    }
    result<tool_call_target> resolve(std::string device_id, std::string argument) {
        json::object const arguments{{"node", device_id}, {argument, "x"}};
        return read([&](snapshot& view) {
            return resolve_tool_call(view, "node__fs__read", arguments, std::nullopt);
        });
    }
};
ON_BOTH_STORES(find_tool_test);

TEST_P(find_tool_test, arguments_are_checked_as_the_chosen_node_wants_them) {
    add_node("dev_1", "path");
    add_node("dev_2", "file");
    EXPECT_TRUE(resolve("dev_1", "path"));
    EXPECT_TRUE(resolve("dev_2", "file"));
    EXPECT_EQ(resolve("dev_2", "path").error().code, errc::invalid_params);
}

TEST_P(find_tool_test, the_last_of_many_nodes_is_found) {
    write([](transaction& tx) {
        for (int n = 0; n < 1'200; ++n) {
            node gone;
            gone.device_id = gone.public_key = gone.label = fmt::format("dev_{}", 1'000 + n);
            gone.trust = "remote";
            gone.revoked = true;
            tx.nodes().put(gone);
        }
    });
    add_node("dev_last", "path");
    EXPECT_TRUE(resolve("dev_last", "path"));
}

} // namespace
} // namespace gatehouse::core
