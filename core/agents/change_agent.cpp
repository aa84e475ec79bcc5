#include "core/agents/change_agent.hpp"

#include "core/events/make_event.hpp"

namespace gatehouse::core {

namespace {

void publish(transaction& tx, boost::json::object const& payload) {
    tx.publish(make_shared_event(tx, "runs", "agent.updated", payload));
    tx.signals().policy = true;
}

bool has_unfinished_run(transaction& tx, std::string const& agent_name) {
    for (auto state : {run_state::accepted, run_state::running, run_state::waiting}) {
        run_filter unfinished;
        unfinished.state = state;
        unfinished.agent = agent_name;
        unfinished.limit = 1;
        if (!tx.runs().list(unfinished).empty()) return true;
    }
    return false;
}

} // namespace

result<agent> find_agent(snapshot const& view, std::string const& name) {
    auto found = view.agents().find(name);
    if (!found) return fail(errc::not_found, "There is no agent '" + name + "'.");
    return *found;
}

agent put_agent(transaction& tx, agent wanted) {
    auto before = tx.agents().find(wanted.name);
    wanted.created_at = before ? before->created_at : tx.now();
    wanted.updated_at = tx.now();
    tx.agents().put(wanted);
    publish(tx, {{"name", wanted.name}});
    return wanted;
}

result<void> delete_agent(transaction& tx, std::string const& name) {
    if (auto found = find_agent(tx, name); !found) return std::unexpected(found.error());
    if (name == "default") {
        return fail(
            errc::wrong_state, "The agent 'default' cannot be deleted: sessions without an agent use it."
        );
    }
    if (has_unfinished_run(tx, name)) {
        return fail(
            errc::wrong_state, "The agent '" + name + "' has runs that are not finished: cancel them first."
        );
    }
    tx.agents().remove(name);
    publish(tx, {{"name", name}, {"deleted", true}});
    return {};
}

} // namespace gatehouse::core
