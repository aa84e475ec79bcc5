#include "persistence/stores/sql_leader_store.hpp"

// The leader's instance, as long as that has its lease.
#define LIVING_LEADER                                                                                        \
    "SELECT i.instance_id FROM instances i WHERE i.instance_id = scheduler_leader.instance_id "              \
    "AND i.heartbeat_at + i.lease_ms >= now_ms()"

namespace gatehouse::persistence {

core::leader_store::seat sql_leader_store::look() const {
    auto [instance_id, now] =
        *sql_.row<std::optional<std::string>, timestamp>("SELECT (" LIVING_LEADER
                                                         "), now_ms() FROM scheduler_leader WHERE id = 1");
    return {std::move(instance_id), now};
}

bool sql_leader_store::take(std::string const& instance_id) {
    return sql_.exec(
               "UPDATE scheduler_leader SET instance_id = :me WHERE id = 1 AND NOT EXISTS (" LIVING_LEADER
               ")",
               instance_id
           ) == 1;
}

void sql_leader_store::give_up(std::string const& instance_id) {
    sql_.exec("UPDATE scheduler_leader SET instance_id = NULL WHERE instance_id = :me", instance_id);
}

} // namespace gatehouse::persistence
