#include "persistence/stores/sql_token_store.hpp"

#include "persistence/record.hpp"

#define TOKEN_COLUMNS                                                                                        \
    "token_id, hash, kind, principal, scopes, label, device_id, created_at, expires_at, revoked_at"

namespace gatehouse::persistence {
namespace {

using core::token;

using token_record = record<
    token, &token::token_id, &token::hash, &token::kind, &token::principal, &token::scopes,
    free_column<&token::label>, &token::device_id, &token::created_at, &token::expires_at,
    &token::revoked_at>;

} // namespace

std::optional<token> sql_token_store::find(std::string const& token_id) const {
    return token_record::find(
        sql_, "SELECT " TOKEN_COLUMNS " FROM tokens WHERE token_id = :token_id", token_id
    );
}

std::optional<token> sql_token_store::find_by_hash(std::string const& hash) const {
    return token_record::find(sql_, "SELECT " TOKEN_COLUMNS " FROM tokens WHERE hash = :hash", hash);
}

std::vector<token> sql_token_store::list(std::optional<std::string> const& after, std::int64_t limit) const {
    return token_record::list(
        sql_,
        "SELECT " TOKEN_COLUMNS " FROM tokens WHERE (CAST(:after AS TEXT) IS NULL OR token_id > :after) "
        "ORDER BY token_id LIMIT :limit",
        after, limit
    );
}

bool sql_token_store::any_of_kind(std::string const& kind) const {
    return sql_.row<std::string>("SELECT token_id FROM tokens WHERE kind = :kind LIMIT 1", kind).has_value();
}

std::vector<std::string> sql_token_store::revoked_since(timestamp since) const {
    return sql_.rows<std::string>(
        "SELECT token_id FROM tokens WHERE revoked_at IS NOT NULL AND revoked_at >= :since", since
    );
}

void sql_token_store::insert(token const& t) {
    token_record::exec(
        sql_,
        "INSERT INTO tokens (" TOKEN_COLUMNS
        ") VALUES (:token_id, :hash, :kind, :principal, :scopes, :label, "
        ":device_id, :created_at, :expires_at, :revoked_at)",
        t
    );
}

void sql_token_store::save(token const& t) {
    using changed = record<
        token, &token::scopes, free_column<&token::label>, &token::device_id, &token::expires_at,
        &token::revoked_at, &token::token_id>;
    changed::exec(
        sql_,
        "UPDATE tokens SET scopes = :scopes, label = :label, device_id = :device_id, expires_at = "
        ":expires_at, "
        "revoked_at = :revoked_at WHERE token_id = :token_id",
        t
    );
}

bool sql_token_store::bind_device(std::string const& token_id, std::string const& device_id) {
    return sql_.exec(
               "UPDATE tokens SET device_id = :device_id WHERE token_id = :token_id "
               "AND (device_id IS NULL OR device_id = :device_id)",
               device_id, token_id
           ) == 1;
}

std::vector<std::string> sql_token_store::revoke_of_device(
    std::string const& device_id, std::optional<std::string> const& kind, timestamp when
) {
    return sql_.rows<std::string>(
        "UPDATE tokens SET revoked_at = :revoked_at WHERE device_id = :device_id AND revoked_at IS NULL "
        "AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind) RETURNING token_id",
        when, device_id, kind
    );
}

} // namespace gatehouse::persistence
