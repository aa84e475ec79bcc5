#include "protocol/gen/methods/token_revoke.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/tokens/issue_token.hpp"

namespace gatehouse::app {
namespace {

result<protocol::token> handle(protocol::token_revoke::params p, caller const&, core::transaction& tx) {
    return map_result(core::revoke_token(tx, p.token_id), [](core::token const& t) { return describe(t); });
}

} // namespace

method_row make_token_revoke(services const& s) { return expose(s, GATEHOUSE_CODEC(token_revoke), &handle); }

} // namespace gatehouse::app
