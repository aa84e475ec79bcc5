#include "protocol/gen/methods/run_input.hpp"
#include "app/dispatch/expose.hpp"
#include "core/runs/change_run.hpp"

namespace gatehouse::app {
namespace {

result<protocol::run_input::reply> handle(
    protocol::run_input::params p, caller const& who, core::transaction& tx,
    core::secret_filter const& secrets
) {
    secrets.clean(p.text);
    return map_result(
        core::give_input(tx, p.run_id, who.actor(), {p.text, who.trace_parent}),
        [](core::run const& r) { return protocol::run_input::reply{r.run_id, r.state}; }
    );
}

} // namespace

method_row make_run_input(services const& s) { return expose(s, GATEHOUSE_CODEC(run_input), &handle); }

} // namespace gatehouse::app
