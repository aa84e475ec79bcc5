#include "persistence/stores/sql_grant_store.hpp"

#include "persistence/record.hpp"

#define GRANT_COLUMNS                                                                                        \
    "grant_id, principal, session_id, tool, node, arguments_hash, arguments_schema, created_by, "            \
    "created_at, "                                                                                           \
    "expires_at, revoked_at"

namespace gatehouse::persistence {
namespace {

using core::grant;

using grant_record = record<
    grant, &grant::grant_id, &grant::principal, &grant::session_id, &grant::tool, &grant::node,
    &grant::arguments_hash, &grant::when, &grant::created_by, &grant::created_at, &grant::expires_at,
    &grant::revoked_at>;

} // namespace

void sql_grant_store::insert(grant const& g) {
    grant_record::exec(
        sql_,
        "INSERT INTO grants (" GRANT_COLUMNS ") VALUES (:grant_id, :principal, :session_id, :tool, :node, "
        ":arguments_hash, :arguments_schema, :created_by, :created_at, :expires_at, :revoked_at)",
        g
    );
}

std::optional<grant> sql_grant_store::find(std::string const& grant_id) const {
    return grant_record::find(
        sql_, "SELECT " GRANT_COLUMNS " FROM grants WHERE grant_id = :grant_id", grant_id
    );
}

std::vector<grant> sql_grant_store::list(
    std::optional<std::string> const& principal, std::optional<std::string> const& after, std::int64_t limit
) const {
    return grant_record::list(
        sql_,
        "SELECT " GRANT_COLUMNS
        " FROM grants WHERE (CAST(:principal AS TEXT) IS NULL OR principal = :principal) "
        "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now_ms()) "
        "AND (CAST(:after AS TEXT) IS NULL OR grant_id > :after) ORDER BY grant_id LIMIT :limit",
        principal, after, limit
    );
}

std::vector<grant> sql_grant_store::live(std::string const& principal, std::string const& tool) const {
    return grant_record::list(
        sql_,
        "SELECT " GRANT_COLUMNS
        " FROM grants WHERE principal = :principal AND tool = :tool AND revoked_at IS NULL "
        "AND (expires_at IS NULL OR expires_at > now_ms()) ORDER BY grant_id",
        principal, tool
    );
}

void sql_grant_store::save(grant const& g) {
    sql_.exec(
        "UPDATE grants SET expires_at = :expires_at, revoked_at = :revoked_at WHERE grant_id = :grant_id",
        g.expires_at, g.revoked_at, g.grant_id
    );
}

} // namespace gatehouse::persistence
