#include "protocol/gen/methods/run_subscribe.hpp"
#include "app/dispatch/expose.hpp"
#include "app/sessions/subscriber.hpp"
#include "core/runs/change_run.hpp"

namespace gatehouse::app {
namespace {

core::task<result<protocol::run_subscribe::reply>>
handle(protocol::run_subscribe::params p, caller who, core::database& db) {
    auto unit = [id = p.run_id, actor = who.actor()](core::snapshot& view) {
        return core::find_run(view, id, actor);
    };
    auto found = co_await db.read(std::move(unit));
    if (!found) co_return std::unexpected(found.error());
    auto id = who.subscriptions->subscribe_tape(p.run_id, p.after_seq);
    if (!id)
        co_return fail(errc::busy, "This connection has as many subscriptions as it may: end one first.");
    co_return protocol::run_subscribe::reply{*id, found->state};
}

} // namespace

method_row make_run_subscribe(services const& s) {
    return expose(s, GATEHOUSE_CODEC(run_subscribe), &handle);
}

} // namespace gatehouse::app
