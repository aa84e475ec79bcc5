#pragma once
// Takes the gateway's calls: finds the operation, checks the arguments, runs each call at most once and
// remembers what came of it. Knows nothing of connections, so a call goes on while the connection is lost.
#include "app/node/call_journal.hpp"
#include "app/node/capability.hpp"
#include "core/execution/wakeup.hpp"
#include "core/ports/clock.hpp"
#include "protocol/gen/methods/capability_invoke.hpp"
#include "protocol/json_schema/schema.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::app::node {

// Loop only.
class call_desk {
  public:
    using params = protocol::capability_invoke::params;
    // Tells how far the invocation with that id has come.
    using progress =
        std::function<void(std::string const& invocation_id, std::optional<double>, std::string message)>;

    // Throws std::logic_error where a capability's own schemas are wrong.
    call_desk(
        core::loop& loop, core::clock const& time, call_journal& journal,
        std::vector<std::unique_ptr<capability>> capabilities
    );
    ~call_desk();

    // What the node advertises.
    std::vector<protocol::capability> descriptors() const;

    void on_progress(progress tell) { progress_ = std::move(tell); }

    // The JSON text of the result of capability.invoke. A key that is being worked on is joined; one that was
    // answered before gets the kept answer; one that was started, nobody knows how it ended and can't be
    // repeated fails with capability_failed and details.outcome "unknown".
    core::task<result<std::string>> invoke(params call);

    // Asks the invocation to stop. Nothing happens where it isn't running.
    void cancel(std::string const& invocation_id);
    void cancel_all();

    std::size_t running() const { return running_.size(); }

  private:
    struct offered {
        capability* provider;
        protocol::operation const* descriptor;
        json_schema::schema input;
    };
    struct running_call;

    result<offered const*> find(params const& call) const;
    result<boost::json::object> read_arguments(params const& call, offered const& operation) const;
    std::optional<result<std::string>>
    kept_answer(params const& call, std::string const& hash, bool repeatable) const;
    core::task<result<std::string>>
    run_once(params call, offered const& operation, boost::json::object arguments);
    core::task<result<std::string>> execute(
        running_call& running, params const& call, offered const& operation,
        boost::json::object const& arguments
    );

    core::loop& loop_;
    core::clock const& time_;
    call_journal& journal_;
    std::vector<std::unique_ptr<capability>> capabilities_;
    std::map<std::pair<std::string, std::string>, offered, std::less<>> operations_;
    std::map<std::string, std::shared_ptr<running_call>> running_; // by idempotency key
    progress progress_;
};

} // namespace gatehouse::app::node
