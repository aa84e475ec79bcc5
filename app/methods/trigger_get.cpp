#include "protocol/gen/methods/trigger_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/triggers/change_trigger.hpp"

namespace gatehouse::app {
namespace {

result<protocol::trigger> handle(protocol::trigger_get::params p, caller const& who, core::snapshot& view) {
    return map_result(core::find_trigger(view, p.name, who.actor()), [](core::trigger const& t) {
        return describe(t);
    });
}

} // namespace

method_row make_trigger_get(services const& s) { return expose(s, GATEHOUSE_CODEC(trigger_get), &handle); }

} // namespace gatehouse::app
