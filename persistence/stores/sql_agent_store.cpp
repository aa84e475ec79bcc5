#include "persistence/stores/sql_agent_store.hpp"

#include "persistence/record.hpp"

#define AGENT_COLUMNS                                                                                        \
    "name, model, system_prompt, tools, temperature, max_turns, budgets, created_at, updated_at"

namespace gatehouse::persistence {
namespace {

using core::agent;

using agent_record = record<
    agent, &agent::name, &agent::model, free_column<&agent::system_prompt>, &agent::tools,
    &agent::temperature, &agent::max_turns, &agent::budgets, &agent::created_at, &agent::updated_at>;

} // namespace

std::optional<agent> sql_agent_store::find(std::string const& name) const {
    return agent_record::find(sql_, "SELECT " AGENT_COLUMNS " FROM agents WHERE name = :name", name);
}

std::vector<agent> sql_agent_store::list(std::optional<std::string> const& after, std::int64_t limit) const {
    return agent_record::list(
        sql_,
        "SELECT " AGENT_COLUMNS
        " FROM agents WHERE (CAST(:after AS TEXT) IS NULL OR name > :after) ORDER BY name LIMIT :limit",
        after, limit
    );
}

void sql_agent_store::put(agent const& a) {
    agent_record::exec(
        sql_,
        "INSERT INTO agents (" AGENT_COLUMNS ") VALUES (:name, :model, :system_prompt, :tools, :temperature, "
        ":max_turns, :budgets, :created_at, :updated_at) ON CONFLICT (name) DO UPDATE SET model = "
        "excluded.model, "
        "system_prompt = excluded.system_prompt, tools = excluded.tools, temperature = excluded.temperature, "
        "max_turns = excluded.max_turns, budgets = excluded.budgets, updated_at = excluded.updated_at",
        a
    );
}

bool sql_agent_store::remove(std::string const& name) {
    return sql_.exec("DELETE FROM agents WHERE name = :name", name) == 1;
}

} // namespace gatehouse::persistence
