#include "persistence/stores/sql_idempotency_store.hpp"

#include "persistence/stores/delete_oldest.hpp"

namespace gatehouse::persistence {

std::optional<core::idempotency_store::stored> sql_idempotency_store::insert_or_find(
    core::idempotency_key const& key, std::string const& request_hash, timestamp now
) {
    auto const inserted = sql_.exec(
        "INSERT INTO idempotency (principal, method, key, request_hash, created_at) "
        "VALUES (:principal, :method, :key, :request_hash, :created_at) ON CONFLICT DO NOTHING",
        key.principal, key.method, key.key, request_hash, now
    );
    if (inserted == 1) return std::nullopt;
    // In a statement of its own: the one above waited for another transaction, and its snapshot is older than
    // the reply. With the row's lock: who finds that there is no answer yet may write another one.
    auto const found = sql_.row<std::string, std::string>(
        sql_.either(
            "SELECT request_hash, reply FROM idempotency WHERE principal = :principal AND method = :method "
            "AND key = :key",
            "SELECT request_hash, reply FROM idempotency WHERE principal = :principal AND method = :method "
            "AND key = :key FOR UPDATE"
        ),
        key.principal, key.method, key.key
    );
    if (!found) throw serialization_retry("the key was removed at this moment");
    return stored{std::get<0>(*found), std::get<1>(*found)};
}

void sql_idempotency_store::set_reply(core::idempotency_key const& key, core::json_text const& reply) {
    sql_.exec_later(
        "UPDATE idempotency SET reply = :reply WHERE principal = :principal AND method = :method AND key = "
        ":key",
        reply, key.principal, key.method, key.key
    );
}

void sql_idempotency_store::remove(core::idempotency_key const& key) {
    sql_.exec(
        "DELETE FROM idempotency WHERE principal = :principal AND method = :method AND key = :key",
        key.principal, key.method, key.key
    );
}

std::int64_t sql_idempotency_store::remove_before(timestamp before, std::int64_t limit) {
    return sql_.exec(DELETE_OLDEST("idempotency", "principal, method, key", "created_at"), before, limit);
}

} // namespace gatehouse::persistence
