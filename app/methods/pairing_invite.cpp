#include "protocol/gen/methods/pairing_invite.hpp"
#include "app/dispatch/expose.hpp"
#include "core/tokens/issue_token.hpp"
#include "protocol/secret_token.hpp"

namespace gatehouse::app {
namespace {

using protocol::pairing_invite::reply;

// The invite's holder is nobody yet: it has a principal of its own and no scopes.
core::task<reply_text> handle(
    protocol::pairing_invite::params p, caller who, core::database& db, core::random_source& random,
    contract_limits const& limits
) {
    auto text = core::mint_token(random);
    core::token_request wanted;
    wanted.kind = "invite";
    wanted.principal = "node:invited";
    wanted.label = p.label;
    wanted.ttl = p.ttl_ms ? std::chrono::milliseconds(*p.ttl_ms) : limits.pairing_ttl;
    auto effect = [wanted, text](core::transaction& tx) -> result<reply> {
        auto issued = core::issue_token(tx, wanted, token_hash(text));
        return reply{issued.token_id, text, *issued.expires_at};
    };
    co_return co_await write_once<reply>(
        db, std::move(who), std::move(effect), &protocol::pairing_invite::encode
    );
}

} // namespace

method_row make_pairing_invite(services const& s) {
    return expose(s, GATEHOUSE_CODEC(pairing_invite), &handle);
}

} // namespace gatehouse::app
