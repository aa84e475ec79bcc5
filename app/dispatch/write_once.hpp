#pragma once
// A change of state under the caller's idempotency key: effect and stored reply commit in one transaction
// (engine.md 8).
#include "app/dispatch/caller.hpp"
#include "core/storage/database.hpp"

#include <optional>
#include <string>
#include <utility>

namespace gatehouse::app {

// What stands under the key already: the reply to give again. Nothing: the key is now this transaction's, or
// there is none. idempotency_mismatch: it was used for other params. Database thread.
result<std::optional<std::string>> find_stored_reply(core::transaction& tx, caller const& who);

// Stores the reply under the caller's key, where there is one. Database thread.
void store_reply(core::transaction& tx, caller const& who, std::string const& reply);

// Gives the caller's key back, where the call came to nothing that is to be kept: the same key may be used
// for the same call later. Database thread.
void release_key(core::transaction& tx, caller const& who);

// Runs `effect` (transaction& -> result<Reply>) once per key and gives the reply's text. A secret in the
// reply (`token`) is told once and never stored. Loop only.
template <class Reply, class Effect>
core::task<result<std::string>>
write_once(core::database& db, caller who, Effect effect, std::string (*encode_reply)(Reply const&)) {
    auto unit = [who = std::move(who), effect = std::move(effect),
                 encode_reply](core::transaction& tx) mutable -> result<std::string> {
        auto stored = find_stored_reply(tx, who);
        if (!stored) return std::unexpected(stored.error());
        if (*stored) return std::move(**stored);
        auto reply = effect(tx);
        if (!reply) return std::unexpected(reply.error());
        if (who.idempotency_key) {
            if constexpr (requires(Reply r) { r.token.reset(); }) {
                auto without_secret = *reply;
                without_secret.token.reset();
                store_reply(tx, who, encode_reply(without_secret));
            } else {
                store_reply(tx, who, encode_reply(*reply));
            }
        }
        return encode_reply(*reply);
    };
    co_return co_await db.write(std::move(unit));
}

} // namespace gatehouse::app
