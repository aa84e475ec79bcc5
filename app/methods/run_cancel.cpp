#include "protocol/gen/methods/run_cancel.hpp"
#include "app/dispatch/expose.hpp"
#include "core/runs/change_run.hpp"

namespace gatehouse::app {
namespace {

// Cancelling a finished run is `wrong_state`, never a silent success. A run that somebody works on answers
// with the state it still has; its end follows as an event.
result<protocol::run_cancel::reply>
handle(protocol::run_cancel::params p, caller const& who, core::transaction& tx) {
    auto cancelled =
        core::cancel_run(tx, p.run_id, who.actor(), p.reason.value_or("cancelled by " + who.principal));
    return map_result(std::move(cancelled), [](core::run const& r) {
        return protocol::run_cancel::reply{r.run_id, r.state};
    });
}

} // namespace

method_row make_run_cancel(services const& s) { return expose(s, GATEHOUSE_CODEC(run_cancel), &handle); }

} // namespace gatehouse::app
