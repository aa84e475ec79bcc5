#pragma once
// What an agent can call. A tool is found by its name each time it is needed: nodes come and go.
#include "core/runs/run.hpp"
#include "core/tools/value_schema.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

// A node that offers the operation behind a tool.
struct tool_node {
    std::string device_id;
    std::string label;
    std::string operation_hash;
    std::optional<std::string> instance_id; // who holds its connection now
    std::int64_t connection_epoch = 0;
    std::optional<value_schema> input; // of the operation as this node advertises it
};

struct tool {
    std::string name; // "node__system__info"
    std::string description;
    boost::json::object input_schema;
    std::string risk; // "read", "write", "dangerous"
    bool idempotent = false;
    std::string source;     // "node", "builtin", "mcp"
    std::string capability; // node tools
    std::string operation;
    std::vector<tool_node> nodes;
};

// The name under which a model sees an operation of a node.
std::string node_tool_name(std::string_view capability, std::string_view operation);

} // namespace gatehouse::core
