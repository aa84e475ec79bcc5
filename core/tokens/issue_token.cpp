#include "core/tokens/issue_token.hpp"

#include "protocol/secret_token.hpp"

#include <array>

namespace gatehouse::core {

std::string mint_token(random_source& random) {
    std::array<std::byte, 32> bytes{};
    random.fill(bytes);
    return make_token(bytes);
}

token issue_token(transaction& tx, token_request const& wanted, std::string const& hash) {
    token t;
    t.token_id = tx.ids().make("tok");
    t.hash = hash;
    t.kind = wanted.kind;
    t.principal = wanted.principal;
    t.scopes = wanted.scopes;
    t.label = wanted.label;
    t.device_id = wanted.device_id;
    t.created_at = tx.now();
    if (wanted.ttl) t.expires_at = tx.now() + *wanted.ttl;
    tx.tokens().insert(t);
    return t;
}

result<token> revoke_token(transaction& tx, std::string const& token_id) {
    auto t = tx.tokens().find(token_id);
    if (!t) return fail(errc::not_found, "There is no token '" + token_id + "'.");
    if (t->revoked_at) return *t;
    t->revoked_at = tx.now();
    tx.tokens().save(*t);
    tx.signals().tokens.push_back(token_id);
    return *t;
}

} // namespace gatehouse::core
