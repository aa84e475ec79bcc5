#include "persistence/stores/sql_invocation_store.hpp"

#include "persistence/record.hpp"
#include "persistence/stores/listed_ids.hpp"

#define INVOCATION_COLUMNS                                                                                   \
    "invocation_id, device_id, state, principal, run_id, step_ordinal, lease_epoch, attempt, "               \
    "idempotency_key, "                                                                                      \
    "capability, operation, arguments, connection_epoch, created_at, expires_at, queue_ttl_ms, timeout_ms, " \
    "result, "                                                                                               \
    "error, "                                                                                                \
    "evidence, finished_at"

namespace gatehouse::persistence {
namespace {

using core::invocation;

using invocation_record = record<
    invocation, &invocation::invocation_id, &invocation::device_id, &invocation::state,
    &invocation::principal, &invocation::run_id, &invocation::step_ordinal, &invocation::lease_epoch,
    &invocation::attempt, &invocation::idempotency_key, &invocation::capability, &invocation::operation,
    &invocation::arguments, &invocation::connection_epoch, &invocation::created_at, &invocation::expires_at,
    &invocation::queue_ttl_ms, &invocation::timeout_ms, &invocation::result, &invocation::error,
    &invocation::evidence, &invocation::finished_at>;

} // namespace

std::optional<invocation> sql_invocation_store::find(std::string const& invocation_id) const {
    return invocation_record::find(
        sql_, "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE invocation_id = :invocation_id",
        invocation_id
    );
}

#define FINISHED_AMONG(is_listed)                                                                            \
    "SELECT invocation_id FROM invocations WHERE invocation_id" is_listed "AND finished_at IS NOT NULL"
std::vector<std::string> sql_invocation_store::finished_among(std::vector<std::string> const& invocation_ids
) const {
    if (invocation_ids.empty()) return {};
    return sql_.rows<std::string>(
        sql_.either(FINISHED_AMONG(IS_LISTED_SQLITE), FINISHED_AMONG(IS_LISTED_POSTGRES)), invocation_ids
    );
}

std::vector<std::string> sql_invocation_store::devices_with_queued(std::string const& instance_id) const {
    return sql_.rows<std::string>(
        "SELECT DISTINCT d.device_id FROM invocations i JOIN devices d ON d.device_id = i.device_id "
        "WHERE i.state IN ('queued', 'sent') AND d.instance_id = :instance_id "
        "AND (i.state = 'queued' OR i.connection_epoch < d.connection_epoch)",
        instance_id
    );
}

void sql_invocation_store::insert(invocation const& i) {
    invocation_record::exec_later(
        sql_,
        "INSERT INTO invocations (" INVOCATION_COLUMNS
        ") VALUES (:invocation_id, :device_id, :state, :principal, "
        ":run_id, :step_ordinal, :lease_epoch, :attempt, :idempotency_key, :capability, :operation, "
        ":arguments, "
        ":connection_epoch, :created_at, :expires_at, :queue_ttl_ms, :timeout_ms, :result, :error, "
        ":evidence, :finished_at)",
        i
    );
}

std::optional<invocation> sql_invocation_store::lock(std::string const& invocation_id) {
    return invocation_record::find(
        sql_,
        sql_.either(
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE invocation_id = :invocation_id",
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE invocation_id = :invocation_id FOR UPDATE"
        ),
        invocation_id
    );
}

void sql_invocation_store::save(invocation const& i) {
    using changed = record<
        invocation, &invocation::state, &invocation::lease_epoch, &invocation::attempt,
        &invocation::connection_epoch, &invocation::expires_at, &invocation::result, &invocation::error,
        &invocation::evidence, &invocation::finished_at, &invocation::invocation_id>;
    changed::exec_later(
        sql_,
        "UPDATE invocations SET state = :state, lease_epoch = :lease_epoch, attempt = :attempt, "
        "connection_epoch = :connection_epoch, expires_at = :expires_at, result = :result, error = :error, "
        "evidence = :evidence, finished_at = :finished_at WHERE invocation_id = :invocation_id",
        i
    );
}

std::vector<invocation>
sql_invocation_store::lock_open_of_device(std::string const& device_id, std::int64_t limit) {
    return invocation_record::list(
        sql_,
        sql_.either(
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE device_id = :device_id "
            "AND state IN ('queued', 'sent') ORDER BY invocation_id LIMIT :limit",
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE device_id = :device_id "
            "AND state IN ('queued', 'sent') ORDER BY invocation_id LIMIT :limit FOR UPDATE"
        ),
        device_id, limit
    );
}

std::int64_t sql_invocation_store::requeue(std::string const& device_id, std::int64_t connection_epoch) {
    return sql_.exec(
        "UPDATE invocations SET state = 'queued', expires_at = now_ms() + queue_ttl_ms "
        "WHERE device_id = :device_id AND state = 'sent' AND connection_epoch <= :connection_epoch",
        device_id, connection_epoch
    );
}

#define HAS_EXPIRED                                                                                          \
    "state IN ('queued', 'sent') AND expires_at + CASE state WHEN 'sent' THEN timeout_ms ELSE 0 END <= "     \
    "(SELECT now_ms())"
std::vector<invocation> sql_invocation_store::lock_expired(std::int64_t limit) {
    return invocation_record::list(
        sql_,
        sql_.either(
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE " HAS_EXPIRED
            " ORDER BY expires_at LIMIT :limit",
            "SELECT " INVOCATION_COLUMNS " FROM invocations WHERE " HAS_EXPIRED
            " ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        limit
    );
}

} // namespace gatehouse::persistence
