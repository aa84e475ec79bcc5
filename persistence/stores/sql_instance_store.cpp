#include "persistence/stores/sql_instance_store.hpp"

#include "persistence/record.hpp"

#define INSTANCE_COLUMNS                                                                                     \
    "instance_id, incarnation, roles, version, address, lease_ms, started_at, heartbeat_at"

namespace gatehouse::persistence {
namespace {

using core::instance;

using instance_record = record<
    instance, &instance::instance_id, &instance::incarnation, &instance::roles, &instance::version,
    &instance::address, &instance::lease_ms, &instance::started_at, &instance::heartbeat_at>;

} // namespace

std::vector<instance> sql_instance_store::list() const {
    return instance_record::list(sql_, "SELECT " INSTANCE_COLUMNS " FROM instances ORDER BY instance_id");
}

void sql_instance_store::insert(instance const& i) {
    sql_.exec(
        "INSERT INTO instances (" INSTANCE_COLUMNS
        ") VALUES (:instance_id, :incarnation, :roles, :version, :address, "
        ":lease_ms, :started_at, now_ms())",
        i.instance_id, i.incarnation, i.roles, i.version, i.address, i.lease_ms, i.started_at
    );
}

bool sql_instance_store::heartbeat(std::string const& instance_id) {
    return sql_.exec(
               "UPDATE instances SET heartbeat_at = now_ms() WHERE instance_id = :instance_id", instance_id
           ) == 1;
}

void sql_instance_store::remove(std::string const& instance_id) {
    sql_.exec("DELETE FROM instances WHERE instance_id = :instance_id", instance_id);
}

std::vector<instance>
sql_instance_store::predecessors(std::string const& incarnation, std::string const& instance_id) const {
    return instance_record::list(
        sql_,
        "SELECT " INSTANCE_COLUMNS
        " FROM instances WHERE incarnation = :incarnation AND instance_id <> :instance_id "
        "ORDER BY instance_id",
        incarnation, instance_id
    );
}

std::vector<instance> sql_instance_store::lock_lapsed() {
    return instance_record::list(
        sql_, sql_.either(
                  "SELECT " INSTANCE_COLUMNS
                  " FROM instances WHERE heartbeat_at + lease_ms < now_ms() ORDER BY instance_id",
                  "SELECT " INSTANCE_COLUMNS
                  " FROM instances WHERE heartbeat_at + lease_ms < now_ms() ORDER BY instance_id "
                  "FOR UPDATE SKIP LOCKED"
              )
    );
}

} // namespace gatehouse::persistence
