#include "persistence/stores/sql_retention_store.hpp"

#include "core/ports/ids.hpp"
#include "persistence/stores/delete_oldest.hpp"

namespace gatehouse::persistence {

std::int64_t sql_retention_store::remove_events_before(timestamp before, std::int64_t limit) {
    // The newest one stays: the next number is one more than the largest on SQLite.
    auto const upto = *sql_.row<std::optional<std::int64_t>>(
        "SELECT max(seq) FROM (SELECT seq, occurred_at FROM outbox WHERE seq < (SELECT max(seq) FROM outbox) "
        "ORDER BY seq LIMIT :limit) oldest WHERE occurred_at < :before",
        limit, before
    );
    if (!upto) return 0;
    sql_.exec("UPDATE meta SET value = :oldest_seq WHERE key = 'oldest_seq'", std::to_string(*upto + 1));
    return sql_.exec("DELETE FROM outbox WHERE seq <= :upto", *upto);
}

std::int64_t sql_retention_store::remove_runs_before(timestamp before, std::int64_t limit) {
    // What ended before was made before, and ids tell when: no index over the end is needed.
    auto const removed = sql_.rows<std::string>(
        "DELETE FROM runs WHERE run_id IN (SELECT run_id FROM runs WHERE state IN ('succeeded', 'failed', "
        "'cancelled') AND run_id < :made_before AND finished_at < :before ORDER BY run_id LIMIT :limit) "
        "RETURNING run_id",
        core::first_id_at("run", before), before, limit
    );
    sql_.exec(
        sql_.either(
            "INSERT INTO removed_runs (run_id) SELECT value FROM json_each(:runs)",
            "INSERT INTO removed_runs (run_id) "
            "SELECT value FROM json_array_elements_text(CAST(:runs AS JSON))"
        ),
        removed
    );
    return static_cast<std::int64_t>(removed.size());
}

std::int64_t sql_retention_store::remove_remains(std::int64_t limit) {
    std::int64_t removed = 0;
    while (removed < limit) {
        auto const run_id = sql_.row<std::string>("SELECT run_id FROM removed_runs ORDER BY run_id LIMIT 1");
        if (!run_id) break;
        removed += remove_remains_of(*run_id, limit - removed);
    }
    return removed;
}

// A tape and its steps may be long, so they go in pieces; the rest is a handful of rows.
std::int64_t sql_retention_store::remove_remains_of(std::string const& run_id, std::int64_t limit) {
    auto removed = sql_.exec(
        "DELETE FROM tape_items WHERE run_id = :run_id AND seq IN "
        "(SELECT seq FROM tape_items WHERE run_id = :run_id ORDER BY seq LIMIT :limit)",
        run_id, limit
    );
    if (removed == limit) return removed;
    removed += sql_.exec(
        "DELETE FROM steps WHERE run_id = :run_id AND ordinal IN "
        "(SELECT ordinal FROM steps WHERE run_id = :run_id ORDER BY ordinal LIMIT :limit)",
        run_id, limit - removed
    );
    if (removed == limit) return removed;
    removed += sql_.exec("DELETE FROM run_inbox WHERE run_id = :run_id", run_id);
    removed += sql_.exec("DELETE FROM approvals WHERE run_id = :run_id", run_id);
    removed += sql_.exec("DELETE FROM invocations WHERE run_id = :run_id", run_id);
    return removed + sql_.exec("DELETE FROM removed_runs WHERE run_id = :run_id", run_id);
}

std::int64_t sql_retention_store::remove_firings_before(timestamp before, std::int64_t limit) {
    return sql_.exec(DELETE_OLDEST("trigger_firings", "trigger_id, slot", "due_at"), before, limit);
}

} // namespace gatehouse::persistence
