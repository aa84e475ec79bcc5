#include "protocol/gen/methods/run_verify.hpp"
#include "app/dispatch/expose.hpp"
#include "core/runs/verify_run.hpp"

namespace gatehouse::app {
namespace {

result<protocol::run_verify::reply>
handle(protocol::run_verify::params p, caller const& who, core::snapshot& view) {
    return map_result(core::verify_run(view, p.run_id, who.actor()), [](core::tape_verdict const& v) {
        return protocol::run_verify::reply{!v.first_bad_seq, v.items, v.first_bad_seq};
    });
}

} // namespace

method_row make_run_verify(services const& s) { return expose(s, GATEHOUSE_CODEC(run_verify), &handle); }

} // namespace gatehouse::app
