#include "app/dispatch/write_once.hpp"

namespace gatehouse::app {

result<std::optional<std::string>> find_stored_reply(core::transaction& tx, caller const& who) {
    if (!who.idempotency_key) return std::nullopt;
    core::idempotency_key key{who.principal, std::string(who.method), *who.idempotency_key};
    auto stored = tx.idempotency().insert_or_find(key, who.request_hash, tx.now());
    if (!stored) return std::nullopt;
    if (stored->request_hash != who.request_hash) {
        return fail(
            errc::idempotency_mismatch, "The idempotency_key was used before for a call with other params."
        );
    }
    return std::move(stored->reply);
}

void store_reply(core::transaction& tx, caller const& who, std::string const& reply) {
    if (!who.idempotency_key) return;
    tx.idempotency().set_reply({who.principal, std::string(who.method), *who.idempotency_key}, reply);
}

void release_key(core::transaction& tx, caller const& who) {
    if (!who.idempotency_key) return;
    tx.idempotency().remove({who.principal, std::string(who.method), *who.idempotency_key});
}

} // namespace gatehouse::app
