#include "protocol/gen/methods/tool_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"
#include "core/policy/make_question.hpp"

namespace gatehouse::app {
namespace {

// Rules with `when` are asked as if the tool were called without arguments; what the caller may do with
// others is decided when it calls.
bool is_visible(core::snapshot const& view, core::tool const& offered, caller const& who) {
    core::tool_caller as{who.principal, "", ""};
    for (auto const& node : offered.nodes) {
        core::tool_call_target target{offered, node, {}};
        if (core::decide(view, core::make_question(target, as)).what != core::effect::deny) return true;
    }
    core::tool_call_target target{offered, std::nullopt, {}};
    return offered.nodes.empty() &&
           core::decide(view, core::make_question(target, as)).what != core::effect::deny;
}

result<protocol::tool_list::reply> handle(
    protocol::tool_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    auto asked = rows_for_page(p.limit, limits);
    std::vector<core::tool> visible;
    for (auto& offered : core::all_tools(view)) {
        if (static_cast<std::int64_t>(visible.size()) == asked) break;
        if (p.after && offered.name <= *p.after) continue;
        if (is_visible(view, offered, who)) visible.push_back(std::move(offered));
    }
    return page_of<protocol::tool_list::reply>(visible, asked, &core::tool::name);
}

} // namespace

method_row make_tool_list(services const& s) { return expose(s, GATEHOUSE_CODEC(tool_list), &handle); }

} // namespace gatehouse::app
