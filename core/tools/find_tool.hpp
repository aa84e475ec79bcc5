#pragma once
#include "core/storage/transaction.hpp"
#include "core/tools/tool.hpp"
#include "protocol/error.hpp"

namespace gatehouse::core {

// Every tool there is now: the allowed operations of nodes that are paired. By name. Database thread.
std::vector<tool> all_tools(snapshot const& view);

// Nothing where no node offers it. Database thread.
std::optional<tool> find_tool(snapshot const& view, std::string_view name);

// Whether the node advertises the operation behind the tool and its pairing allows it. Database thread.
bool offers(snapshot const& view, node const& n, std::string_view tool_name);

// One call with its node chosen and the argument `node` taken out.
struct tool_call_target {
    tool called;
    std::optional<tool_node> node;
    boost::json::object arguments;
};

// Chooses the node: the named one (by `wanted` or the argument `node`), else the only one, else the only one
// online. not_found: no such tool or node; invalid_params: several nodes and none named, or arguments that
// the operation's input schema refuses. Database thread.
result<tool_call_target> resolve_tool_call(
    snapshot const& view, std::string_view tool_name, boost::json::object const& arguments,
    std::optional<std::string> const& wanted
);

} // namespace gatehouse::core
