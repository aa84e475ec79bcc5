#include "protocol/gen/methods/trigger_fire.hpp"
#include "app/dispatch/expose.hpp"
#include "core/triggers/fire_trigger.hpp"

namespace gatehouse::app {
namespace {

using protocol::trigger_fire::reply;

result<reply> handle(
    protocol::trigger_fire::params p, caller const& who, core::transaction& tx,
    core::run_settings const& settings
) {
    return map_result(
        core::fire_by_hand(tx, p.name, who.actor(), settings),
        [](core::trigger_firing const& f) { return reply{f.slot, *f.run_id}; }
    );
}

} // namespace

method_row make_trigger_fire(services const& s) { return expose(s, GATEHOUSE_CODEC(trigger_fire), &handle); }

} // namespace gatehouse::app
