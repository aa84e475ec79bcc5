#include "protocol/gen/methods/session_resolve.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/sessions/resolve_session.hpp"

namespace gatehouse::app {
namespace {

result<protocol::session>
handle(protocol::session_resolve::params p, caller const& who, core::transaction& tx) {
    core::session_request wanted{who.principal, who.sees_all(), p.session_id, p.session_key,
                                 p.agent,       p.label,        p.mode,       p.create};
    return map_result(core::resolve_session(tx, wanted), [](core::resolved_session const& s) {
        return describe(s.value);
    });
}

} // namespace

method_row make_session_resolve(services const& s) {
    return expose(s, GATEHOUSE_CODEC(session_resolve), &handle);
}

} // namespace gatehouse::app
