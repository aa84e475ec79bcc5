#include "protocol/gen/methods/events_subscribe.hpp"
#include "app/dispatch/expose.hpp"
#include "app/sessions/subscriber.hpp"

namespace gatehouse::app {
namespace {

// A topic of somebody else's run or session is taken and never delivers: what the principal may read decides,
// event by event.
core::task<result<protocol::events_subscribe::reply>>
handle(protocol::events_subscribe::params p, caller who, core::event_relay& relay) {
    auto from = co_await relay.check(p.after);
    if (!from) co_return std::unexpected(from.error());
    core::event_filter wanted{p.topics, who.principal, who.sees_all(), who.scopes.has(protocol::scope::pair)};
    auto id = who.subscriptions->subscribe_events(std::move(wanted), *from);
    if (!id)
        co_return fail(errc::busy, "This connection has as many subscriptions as it may: end one first.");
    co_return protocol::events_subscribe::reply{*id, core::encode_cursor(*from)};
}

} // namespace

method_row make_events_subscribe(services const& s) {
    return expose(s, GATEHOUSE_CODEC(events_subscribe), &handle);
}

} // namespace gatehouse::app
