#include "core/approvals/revoke_grant.hpp"

namespace gatehouse::core {

result<grant> revoke_grant(transaction& tx, std::string const& grant_id, actor const& who) {
    auto g = tx.grants().find(grant_id);
    if (!g || (g->principal != who.principal && !who.sees_all)) {
        return fail(errc::not_found, "There is no grant '" + grant_id + "'.");
    }
    if (g->revoked_at) return *g;
    g->revoked_at = tx.now();
    tx.grants().save(*g);
    tx.signals().policy = true;
    return *g;
}

} // namespace gatehouse::core
