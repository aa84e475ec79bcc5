#include "protocol/gen/methods/session_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/sessions/resolve_session.hpp"

namespace gatehouse::app {
namespace {

result<protocol::session> handle(protocol::session_get::params p, caller const& who, core::snapshot& view) {
    auto found = core::find_session(view, p.session_id, who.principal, who.sees_all());
    return map_result(std::move(found), [](core::session const& s) { return describe(s); });
}

} // namespace

method_row make_session_get(services const& s) { return expose(s, GATEHOUSE_CODEC(session_get), &handle); }

} // namespace gatehouse::app
