#include "persistence/commit_protocol.hpp"

#include "persistence/postgres_commit.hpp"
#include "persistence/sqlite_commit.hpp"

namespace gatehouse::persistence {

std::unique_ptr<commit_protocol> commit_protocol::make(sql& on) {
    if (on.of().is_postgres()) return make_postgres_commit(on);
    return make_sqlite_commit(on);
}

bool decide_commit(sql& on, std::string const& batch_id) {
    sql_transaction whole(on, access::write);
    // Postgres: waits for as long as the transaction in question is open. The mark tells our own row, left by
    // an earlier attempt whose answer was lost too, from the transaction's.
    auto const inserted = on.exec(
        "INSERT INTO commits (batch_id, committed_at, lost) VALUES (:batch_id, now_ms(), 1) ON CONFLICT DO "
        "NOTHING",
        batch_id
    );
    if (inserted == 1) {
        whole.commit();
        return false;
    }
    // Written once more, so that a synchronous standby has confirmed the row before anybody is told of it.
    auto const lost =
        on.row<bool>("UPDATE commits SET lost = lost WHERE batch_id = :batch_id RETURNING lost", batch_id);
    whole.commit();
    return lost == false;
}

} // namespace gatehouse::persistence
