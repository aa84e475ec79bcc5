#include "core/tools/find_tool.hpp"

#include "protocol/glob.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <map>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

constexpr std::int64_t page_size = 1000;

bool is_allowed(node const& n, std::string const& operation) {
    return std::ranges::any_of(n.allow, [&](auto const& pattern) {
        return glob_matches(pattern, operation);
    });
}

// The riskier of two advertisements of one operation counts for the tool.
std::string riskier(std::string const& a, std::string_view b) {
    static constexpr std::array order{"read", "write", "dangerous"};
    auto rank = [](std::string_view r) { return std::ranges::find(order, r) - order.begin(); };
    return rank(a) >= rank(b) ? a : std::string(b);
}

void add_operation(
    std::map<std::string, tool>& tools, node const& n, std::string const& name, advertised_operation const& op
) {
    auto& t = tools[name];
    if (t.name.empty()) {
        t.name = name;
        t.description = op.description;
        t.input_schema = op.input_schema;
        t.risk = op.risk;
        t.idempotent = op.idempotent;
        t.source = "node";
        t.capability = op.capability;
        t.operation = op.name;
    } else {
        t.risk = riskier(t.risk, op.risk);
    }
    t.nodes.push_back({n.device_id, n.label, op.hash, n.instance_id, n.connection_epoch, op.input});
}

void add_node(
    std::map<std::string, tool>& tools, snapshot const& view, node const& n, std::string_view only
) {
    if (n.revoked) return;
    auto const advertised = view.nodes().advertised_by(n);
    for (auto const& op : advertised->operations()) {
        auto name = node_tool_name(op.capability, op.name);
        if (!only.empty() && only != name) continue;
        if (is_allowed(n, op.capability + "." + op.name)) add_operation(tools, n, name, op);
    }
}

std::map<std::string, tool> collect(snapshot const& view, std::string_view only) {
    std::map<std::string, tool> tools;
    std::optional<std::string> after;
    for (bool is_last = false; !is_last;) {
        auto const page = view.nodes().list(after, page_size);
        for (auto const& n : page) add_node(tools, view, n, only);
        is_last = std::ssize(page) < page_size;
        if (!is_last) after = page.back().device_id;
    }
    return tools;
}

result<tool_node> choose_node(tool const& t, std::optional<std::string> const& wanted) {
    if (wanted) {
        auto named = std::ranges::find_if(t.nodes, [&](auto const& n) {
            return n.device_id == *wanted || n.label == *wanted;
        });
        if (named != t.nodes.end()) return *named;
        return fail(errc::not_found, "The node '" + *wanted + "' does not offer " + t.name + ".");
    }
    if (t.nodes.size() == 1) return t.nodes.front();
    auto online = [](auto const& n) { return n.instance_id.has_value(); };
    if (std::ranges::count_if(t.nodes, online) == 1) return *std::ranges::find_if(t.nodes, online);
    std::string labels;
    for (auto const& n : t.nodes) labels += (labels.empty() ? "" : ", ") + n.label;
    return fail(
        errc::invalid_params,
        "Several nodes offer " + t.name + ": name one in the argument 'node' (" + labels + ")."
    );
}

} // namespace

std::string node_tool_name(std::string_view capability, std::string_view operation) {
    return "node__" + std::string(capability) + "__" + std::string(operation);
}

bool offers(snapshot const& view, node const& n, std::string_view tool_name) {
    std::map<std::string, tool> tools;
    add_node(tools, view, n, tool_name);
    return !tools.empty();
}

std::vector<tool> all_tools(snapshot const& view) {
    std::vector<tool> tools;
    for (auto& [name, t] : collect(view, {})) tools.push_back(std::move(t));
    return tools;
}

std::optional<tool> find_tool(snapshot const& view, std::string_view name) {
    auto tools = collect(view, name);
    if (tools.empty()) return std::nullopt;
    return std::move(tools.begin()->second);
}

result<tool_call_target> resolve_tool_call(
    snapshot const& view, std::string_view tool_name, json::object const& arguments,
    std::optional<std::string> const& wanted
) {
    auto found = find_tool(view, tool_name);
    if (!found) return fail(errc::not_found, "There is no tool '" + std::string(tool_name) + "'.");
    tool_call_target target{std::move(*found), std::nullopt, arguments};
    auto name = wanted;
    if (auto const* given = arguments.if_contains("node")) {
        if (!name && given->is_string()) name = std::string(given->get_string());
        target.arguments.erase("node");
    }
    auto node = choose_node(target.called, name);
    if (!node) return std::unexpected(node.error());
    target.node = std::move(*node);
    auto fits = target.node->input->check(target.arguments, "arguments of " + target.called.name);
    if (!fits) return std::unexpected(fits.error());
    return target;
}

} // namespace gatehouse::core
