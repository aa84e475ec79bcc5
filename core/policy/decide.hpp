#pragma once
// The one decision that stands before every tool call, whoever makes it (protocol.md 8).
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"
#include "protocol/gen/types/effect.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace gatehouse::core {

using protocol::effect;

struct policy_question {
    std::string tool;
    boost::json::object arguments;
    std::string risk; // "read", "write", "dangerous"; anything else counts as unknown
    std::string agent;
    std::string principal;
    std::string session_id;
    std::optional<std::string> node; // device id
    std::optional<std::string> node_label;
};

struct policy_answer {
    effect what = effect::deny;
    std::optional<boost::json::object> rule; // the one that decided
    std::string reason;                      // for a person
    std::optional<std::string> grant_id;     // the standing approval that lifted `ask`
};

// deny beats ask beats allow; without a match the risk decides. A grant lifts `ask`, never `deny`. Database
// thread.
policy_answer decide(snapshot const& view, policy_question const& question);

// Checks a list of rules before it is stored: shapes are the schema's work, here it is that each `when`
// compiles.
result<void> check_rules(boost::json::array const& rules);

} // namespace gatehouse::core
