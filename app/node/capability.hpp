#pragma once
// Something the reference node can do: what it tells the gateway about it, and the doing.
#include "core/execution/cancellation.hpp"
#include "core/execution/loop.hpp"
#include "core/execution/task.hpp"
#include "protocol/error.hpp"
#include "protocol/gen/types/capability.hpp"
#include "protocol/gen/types/evidence.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app::node {

struct operation_outcome {
    boost::json::value result;
    std::vector<protocol::evidence> evidence;
};

// One call, while it runs.
struct operation_call {
    core::steady_time deadline;
    core::cancellation& stop;
    // Tells the gateway how far it has come. May be called at any time, and may do nothing.
    std::function<void(std::optional<double> fraction, std::string message)> progress;
};

// Loop only.
class capability {
  public:
    virtual ~capability() = default;

    virtual protocol::capability const& descriptor() const = 0;

    // `arguments` have passed the operation's input schema. Ends soon after the deadline or a cancel: with
    // `deadline_exceeded` or `cancelled`, unless the result says so itself. What went wrong in the doing is
    // `capability_failed`.
    virtual core::task<result<operation_outcome>>
    run(std::string operation, boost::json::object const& arguments, operation_call& call) = 0;
};

// A descriptor from its JSON text, which is part of the program: throws where it is wrong.
protocol::capability read_descriptor(std::string_view json);

} // namespace gatehouse::app::node
