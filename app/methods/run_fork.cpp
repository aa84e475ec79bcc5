#include "protocol/gen/methods/run_fork.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/runs/fork_run.hpp"

namespace gatehouse::app {
namespace {

result<protocol::run_fork::reply>
handle(protocol::run_fork::params p, caller const& who, core::transaction& tx) {
    return map_result(core::fork_run(tx, p.run_id, p.at_seq, who.actor()), [](core::run const& r) {
        return describe(r);
    });
}

} // namespace

method_row make_run_fork(services const& s) { return expose(s, GATEHOUSE_CODEC(run_fork), &handle); }

} // namespace gatehouse::app
