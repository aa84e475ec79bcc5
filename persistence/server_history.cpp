#include "persistence/server_history.hpp"

#include "persistence/advisory_locks.hpp"

#include <fmt/format.h>

namespace gatehouse::persistence {

namespace {

struct seen_history {
    std::int64_t timeline = 0;
    bool is_known = false; // to the log
};

// The name of the file that the server writes its log to begins with the timeline; what the control file says
// may be older.
seen_history look(sql& on) {
    sql_transaction whole(on, access::read);
    auto const row =
        *on.row<std::int64_t, bool>("SELECT CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) "
                                    "AS bit(32)) AS BIGINT) AS now_on, "
                                    "(SELECT CASE WHEN max(timeline) >= CAST(CAST('x' || "
                                    "left(pg_walfile_name(pg_current_wal_lsn()), 8) AS "
                                    "bit(32)) AS BIGINT) THEN 1 ELSE 0 END FROM log_epochs)");
    return {std::get<0>(row), std::get<1>(row)};
}

void begin_epoch(sql& on, std::int64_t timeline) {
    sql_transaction whole(on, access::write, fmt::format("SELECT pg_advisory_xact_lock({});", log_lock));
    on.exec(
        "INSERT INTO log_epochs (epoch, timeline, first_seq) SELECT max(epoch) + 1, CAST(:timeline AS "
        "BIGINT), "
        "greatest((SELECT coalesce(max(seq), 0) + 1 FROM outbox), "
        "(SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'oldest_seq')) "
        "FROM log_epochs HAVING max(timeline) < CAST(:timeline AS BIGINT)",
        timeline
    );
    whole.commit();
}

} // namespace

std::int64_t server_history::admit(sql& on) {
    if (!on.of().is_postgres()) return newest();
    auto const now = look(on);
    auto newest = newest_.load();
    while (newest < now.timeline && !newest_.compare_exchange_weak(newest, now.timeline)) {
    }
    if (now.timeline < newest) {
        on.of().avoid_server();
        throw connection_lost(fmt::format(
            "{} is on timeline {}, and this process has seen {}: it is an old primary that came back. Make "
            "it a "
            "standby of the new one.",
            on.of().url().name, now.timeline, newest
        ));
    }
    if (!now.is_known) begin_epoch(on, now.timeline);
    return now.timeline;
}

} // namespace gatehouse::persistence
