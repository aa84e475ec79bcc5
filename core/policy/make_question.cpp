#include "core/policy/make_question.hpp"

namespace gatehouse::core {

policy_question make_question(tool_call_target const& target, tool_caller const& who) {
    policy_question q;
    q.tool = target.called.name;
    q.arguments = target.arguments;
    q.risk = target.called.risk;
    q.agent = who.agent;
    q.principal = who.principal;
    q.session_id = who.session_id;
    if (target.node) {
        q.node = target.node->device_id;
        q.node_label = target.node->label;
    }
    return q;
}

} // namespace gatehouse::core
