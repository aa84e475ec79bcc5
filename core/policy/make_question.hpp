#pragma once
#include "core/policy/decide.hpp"
#include "core/tools/find_tool.hpp"

#include <string>

namespace gatehouse::core {

// Who calls: `agent` and `session_id` are empty where there is none.
struct tool_caller {
    std::string principal;
    std::string agent;
    std::string session_id;
};

// What policy is asked about a call that was resolved. Any thread.
policy_question make_question(tool_call_target const& target, tool_caller const& who);

} // namespace gatehouse::core
