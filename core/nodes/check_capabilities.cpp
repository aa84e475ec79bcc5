#include "core/nodes/check_capabilities.hpp"

#include "protocol/json_schema/schema.hpp"

#include <boost/json/array.hpp>

#include <set>
#include <string>
#include <string_view>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

std::unexpected<error> refuse(std::string path, std::string_view keyword, std::string message) {
    json::array details{{{"path", path}, {"keyword", keyword}, {"message", message}}};
    return fail(errc::invalid_params, path + ": " + message, std::move(details));
}

result<void> check_schema(json::value const& schema, std::string const& path) {
    auto compiled = json_schema::compile(schema);
    if (compiled) return {};
    return refuse(path + compiled.error().path, "schema", compiled.error().message);
}

bool has_property(json::value const& schema, std::string_view name) {
    auto const* object = schema.if_object();
    auto const* properties = object ? object->if_contains("properties") : nullptr;
    return properties && properties->is_object() && properties->get_object().contains(name);
}

result<void> check_operation(protocol::operation const& op, std::string const& path) {
    if (auto usable = check_schema(op.input_schema, path + "/input_schema"); !usable) return usable;
    if (has_property(op.input_schema, "node")) {
        return refuse(
            path + "/input_schema/properties/node", "reserved",
            "The argument 'node' is reserved: it chooses the node."
        );
    }
    return op.output_schema ? check_schema(*op.output_schema, path + "/output_schema") : result<void>{};
}

result<void> check_operations(protocol::capability const& offered, std::string const& path) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < offered.operations.size(); ++i) {
        auto const& op = offered.operations[i];
        auto where = path + "/operations/" + std::to_string(i);
        if (!names.insert(op.name).second)
            return refuse(where + "/name", "unique", "The operation '" + op.name + "' stands here twice.");
        if (auto usable = check_operation(op, where); !usable) return usable;
    }
    return {};
}

} // namespace

result<void> check_capabilities(std::vector<protocol::capability> const& capabilities) {
    std::set<std::string_view> ids;
    for (std::size_t i = 0; i < capabilities.size(); ++i) {
        auto path = "/capabilities/" + std::to_string(i);
        if (!ids.insert(capabilities[i].id).second)
            return refuse(
                path + "/id", "unique", "The capability '" + capabilities[i].id + "' stands here twice."
            );
        if (auto usable = check_operations(capabilities[i], path); !usable) return usable;
    }
    return {};
}

} // namespace gatehouse::core
