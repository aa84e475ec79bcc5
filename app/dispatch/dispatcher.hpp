#pragma once
// From a method's name and params to the text of its reply: role, transport, scope, schema, handler.
#include "app/dispatch/contract_schemas.hpp"
#include "app/dispatch/method_row.hpp"
#include "core/execution/task_group.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::app {

enum class transport : std::uint8_t { ws, http };

// Loop only.
class dispatcher {
  public:
    dispatcher(core::loop& on, std::vector<method_row> table);

    // Answers one call by calling `done` once: inside this call where the handler waits for nothing, else
    // later.
    void call(
        peer const& from, transport over, std::string_view method, boost::json::object const& params,
        std::function<void(reply_text)> done
    );

    // Checks params against the schema of a message of the contract, with invalid_params and its details. For
    // messages that have no handler of their own.
    result<void>
    check_params(protocol::method_descriptor const& method, boost::json::object const& params) const;

    // The same for what a node answered to a request of ours.
    result<void>
    check_answer(protocol::method_descriptor const& method, boost::json::value const& answer) const;

    // The same for what a peer says about an artifact: {artifact_id, name?, media_type?, size?}.
    result<void> check_artifact(boost::json::value const& reference) const;

    std::size_t in_flight() const { return group_.running(); }

    // Waits for the calls under way.
    core::task<> drain();

  private:
    result<method_row const*>
    admit(peer const& from, transport over, std::string_view method, boost::json::object const& params) const;
    reply_text checked(protocol::method_descriptor const& method, reply_text reply) const;
    core::task<> finish(
        method_row const& row, std::string connection_id, core::task<reply_text> running,
        std::function<void(reply_text)> done
    );

    contract_schemas schemas_;
    std::unordered_map<std::string_view, method_row> table_;
    core::task_group group_;
};

} // namespace gatehouse::app
