#include "protocol/gen/methods/trigger_delete.hpp"
#include "app/dispatch/expose.hpp"
#include "core/triggers/change_trigger.hpp"

namespace gatehouse::app {
namespace {

result<protocol::trigger_delete::reply>
handle(protocol::trigger_delete::params p, caller const& who, core::transaction& tx) {
    auto deleted = core::delete_trigger(tx, p.name, who.actor());
    if (!deleted) return std::unexpected(deleted.error());
    return protocol::trigger_delete::reply{};
}

} // namespace

method_row make_trigger_delete(services const& s) {
    return expose(s, GATEHOUSE_CODEC(trigger_delete), &handle);
}

} // namespace gatehouse::app
