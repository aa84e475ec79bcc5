#include "protocol/gen/methods/policy_check.hpp"
#include "app/dispatch/expose.hpp"
#include "core/policy/make_question.hpp"
#include "protocol/json_codec.hpp"

namespace gatehouse::app {
namespace {

// A tool that nobody offers is asked about as it is named: its risk is unknown.
core::policy_question ask_of_unknown(protocol::policy_check::params const& p, core::tool_caller const& as) {
    core::policy_question q;
    q.tool = p.tool;
    q.arguments = p.arguments;
    q.risk = "unknown";
    q.agent = as.agent;
    q.principal = as.principal;
    q.node = q.node_label = p.node;
    return q;
}

// The call is resolved as a real one would be, so that both get the same answer.
result<protocol::policy_check::reply>
handle(protocol::policy_check::params p, caller const& who, core::snapshot& view) {
    core::tool_caller as{p.principal.value_or(who.principal), p.agent.value_or(""), ""};
    if (as.principal != who.principal && !who.sees_all()) {
        return fail(errc::forbidden, "principal: only scope 'admin' may ask about other principals.");
    }
    auto question = ask_of_unknown(p, as);
    if (core::find_tool(view, p.tool)) {
        auto target = core::resolve_tool_call(view, p.tool, p.arguments, p.node);
        if (!target) return std::unexpected(target.error());
        question = core::make_question(*target, as);
    }
    auto answer = core::decide(view, question);
    protocol::policy_check::reply reply{answer.what, std::nullopt};
    if (answer.rule) reply.rule = protocol::from_json<protocol::rule>(*answer.rule);
    return reply;
}

} // namespace

method_row make_policy_check(services const& s) { return expose(s, GATEHOUSE_CODEC(policy_check), &handle); }

} // namespace gatehouse::app
