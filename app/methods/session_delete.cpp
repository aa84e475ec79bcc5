#include "protocol/gen/methods/session_delete.hpp"
#include "app/dispatch/expose.hpp"
#include "core/sessions/delete_session.hpp"

namespace gatehouse::app {
namespace {

result<protocol::session_delete::reply>
handle(protocol::session_delete::params p, caller const& who, core::transaction& tx) {
    auto deleted = core::delete_session(tx, p.session_id, who.actor());
    if (!deleted) return std::unexpected(deleted.error());
    return protocol::session_delete::reply{};
}

} // namespace

method_row make_session_delete(services const& s) {
    return expose(s, GATEHOUSE_CODEC(session_delete), &handle);
}

} // namespace gatehouse::app
