#include "protocol/gen/methods/run_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/execution/time_limit.hpp"
#include "core/runs/run_machine.hpp"

namespace gatehouse::app {
namespace {

bool has_stopped(core::run_state s) { return core::is_terminal(s) || s == core::run_state::waiting; }

// With wait_ms it answers when the run stops working, or the time is over; the tape's growth is what wakes
// it.
core::task<result<protocol::run>>
handle(protocol::run_get::params p, caller who, core::loop& on, core::database& db, core::tape_feed& tapes) {
    auto deadline = on.now() + std::chrono::milliseconds(p.wait_ms.value_or(0));
    core::time_limit limit(on, deadline);
    std::optional<core::tape_reader> tape;
    result<core::run> found = fail(errc::internal, "");
    for (;;) {
        auto unit = [id = p.run_id, actor = who.actor()](core::snapshot& view) {
            return core::find_run(view, id, actor);
        };
        found = co_await db.read(std::move(unit));
        if (!found || has_stopped(found->state) || on.now() >= deadline) break;
        if (!tape) tape = tapes.follow(p.run_id, found->tape_seq);
        if (!co_await tape->next(limit.stop())) deadline = on.now();
    }
    co_return map_result(std::move(found), [](core::run const& r) { return describe(r); });
}

} // namespace

method_row make_run_get(services const& s) { return expose(s, GATEHOUSE_CODEC(run_get), &handle); }

} // namespace gatehouse::app
