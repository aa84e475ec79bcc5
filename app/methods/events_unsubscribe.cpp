#include "protocol/gen/methods/events_unsubscribe.hpp"
#include "app/dispatch/expose.hpp"
#include "app/sessions/subscriber.hpp"

namespace gatehouse::app {
namespace {

result<protocol::events_unsubscribe::reply>
handle(protocol::events_unsubscribe::params p, caller const& who) {
    if (who.subscriptions->unsubscribe(p.subscription_id)) return protocol::events_unsubscribe::reply{};
    return fail(errc::not_found, "This connection has no subscription '" + p.subscription_id + "'.");
}

} // namespace

method_row make_events_unsubscribe(services const& s) {
    return expose(s, GATEHOUSE_CODEC(events_unsubscribe), &handle);
}

} // namespace gatehouse::app
