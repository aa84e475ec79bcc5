#include "protocol/gen/methods/token_issue.hpp"
#include "app/dispatch/expose.hpp"
#include "core/tokens/issue_token.hpp"
#include "protocol/secret_token.hpp"

namespace gatehouse::app {
namespace {

using protocol::token_issue::reply;

// Nobody gives more than he has. Kind `admin` is scope `admin`, whatever else is asked for.
result<scope_set> scopes_to_grant(protocol::token_issue::params const& p, caller const& who) {
    scope_set granted;
    for (auto s : p.scopes) granted.add(s);
    if (p.kind == protocol::issued_token_kind::admin) granted.add(protocol::scope::admin);
    for (auto s : protocol::scope_values) {
        if (granted.has(s) && !who.scopes.has(s))
            return fail(
                errc::forbidden, "scopes: you do not have '" + std::string(to_string(s)) + "' yourself."
            );
    }
    return granted;
}

core::token_request
make_request(protocol::token_issue::params const& p, scope_set const& scopes, caller const& who) {
    core::token_request wanted;
    wanted.kind = to_string(p.kind);
    wanted.principal = p.principal.value_or(who.principal);
    if (scopes.is_admin())
        wanted.scopes = {"admin"};
    else
        for (auto s : protocol::scope_values)
            if (scopes.has(s)) wanted.scopes.emplace_back(to_string(s));
    wanted.label = p.label;
    wanted.device_id = p.device_id;
    if (p.ttl_ms) wanted.ttl = std::chrono::milliseconds(*p.ttl_ms);
    return wanted;
}

core::task<reply_text>
handle(protocol::token_issue::params p, caller who, core::database& db, core::random_source& random) {
    auto scopes = scopes_to_grant(p, who);
    if (!scopes) co_return std::unexpected(scopes.error());
    auto text = core::mint_token(random);
    auto effect = [wanted = make_request(p, *scopes, who), text](core::transaction& tx) -> result<reply> {
        auto issued = core::issue_token(tx, wanted, token_hash(text));
        return reply{issued.token_id, text, issued.expires_at};
    };
    co_return co_await write_once<reply>(
        db, std::move(who), std::move(effect), &protocol::token_issue::encode
    );
}

} // namespace

method_row make_token_issue(services const& s) { return expose(s, GATEHOUSE_CODEC(token_issue), &handle); }

} // namespace gatehouse::app
