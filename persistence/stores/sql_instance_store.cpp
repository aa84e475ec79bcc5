#include "persistence/stores/sql_instance_store.hpp"

#include "persistence/record.hpp"

#define INSTANCE_COLUMNS                                                                                     \
    "instance_id, incarnation, roles, version, address, lease_ms, slots, started_at, heartbeat_at"

namespace gatehouse::persistence {
namespace {

using core::instance;

using instance_record = record<
    instance, &instance::instance_id, &instance::incarnation, &instance::roles, &instance::version,
    &instance::address, &instance::lease_ms, &instance::slots, &instance::started_at,
    &instance::heartbeat_at>;

} // namespace

std::vector<instance> sql_instance_store::list() const {
    return instance_record::list(sql_, "SELECT " INSTANCE_COLUMNS " FROM instances ORDER BY instance_id");
}

// 1196705795: the class of the locks that live as long as a process does.
#define LIFE_LOCK "CASE WHEN pg_try_advisory_lock(1196705795, hashtext(:instance_id)) THEN 1 ELSE 0 END"
#define ADDED                                                                                                \
    "INSERT INTO instances (" INSTANCE_COLUMNS ", life_lock) VALUES (:instance_id, :incarnation, :roles, "   \
    ":version, :address, :lease_ms, :slots, :started_at, now_ms(), "
void sql_instance_store::insert(instance const& i) {
    static constexpr statement plain = ADDED "0)";
    static constexpr statement with_lock = ADDED LIFE_LOCK ")";
    sql_.exec(
        has_life_lock() ? with_lock : plain, i.instance_id, i.incarnation, i.roles, i.version, i.address,
        i.lease_ms, i.slots, i.started_at
    );
}

#define BEAT "UPDATE instances SET heartbeat_at = now_ms()"
#define OF_THIS_PROCESS " WHERE instance_id = :instance_id"
bool sql_instance_store::heartbeat(std::string const& instance_id) {
    static constexpr statement plain = BEAT OF_THIS_PROCESS;
    static constexpr statement with_lock = BEAT ", life_lock = " LIFE_LOCK OF_THIS_PROCESS;
    return sql_.exec(has_life_lock() ? with_lock : plain, instance_id) == 1;
}

// Behind a pooler a session is nobody's.
bool sql_instance_store::has_life_lock() const { return sql_.of().is_postgres() && !sql_.of().url().pooled; }

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

#define HAS_LAPSED "heartbeat_at + lease_ms < now_ms()"
// The lock is tried only where nothing was heard for a second.
#define HAS_LAPSED_ON_POSTGRES                                                                               \
    "CASE WHEN " HAS_LAPSED " THEN true WHEN life_lock = 1 AND heartbeat_at + 1000 < now_ms() THEN "         \
    "pg_try_advisory_xact_lock(1196705795, hashtext(instance_id)) ELSE false END "                           \
    "AND lease_ms < 1000 * extract(epoch FROM clock_timestamp() - greatest(pg_postmaster_start_time(), "     \
    "(SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())))"
bool sql_instance_store::any_lapsed(std::string const& but) const {
    return sql_
        .row<std::string>(
            sql_.either(
                "SELECT instance_id FROM instances WHERE instance_id <> :but AND " HAS_LAPSED " LIMIT 1",
                "SELECT instance_id FROM instances WHERE instance_id <> :but AND " HAS_LAPSED_ON_POSTGRES
                " LIMIT 1"
            ),
            but
        )
        .has_value();
}

std::vector<instance> sql_instance_store::lock_lapsed(std::string const& but) {
    return instance_record::list(
        sql_,
        sql_.either(
            "SELECT " INSTANCE_COLUMNS " FROM instances WHERE instance_id <> :but AND " HAS_LAPSED
            " ORDER BY instance_id",
            "SELECT " INSTANCE_COLUMNS " FROM instances WHERE instance_id <> :but AND " HAS_LAPSED_ON_POSTGRES
            " ORDER BY instance_id FOR UPDATE SKIP LOCKED"
        ),
        but
    );
}

} // namespace gatehouse::persistence
