#include "protocol/gen/methods/run_tape.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"
#include "core/runs/change_run.hpp"

namespace gatehouse::app {
namespace {

result<protocol::run_tape::reply>
handle(protocol::run_tape::params p, caller const& who, core::snapshot& view, contract_limits const& limits) {
    if (auto seen = core::find_run(view, p.run_id, who.actor()); !seen) return std::unexpected(seen.error());
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::run_tape::reply>(
        view.runs().tape(p.run_id, p.after_seq, asked), asked, &core::tape_item::seq
    );
}

} // namespace

method_row make_run_tape(services const& s) { return expose(s, GATEHOUSE_CODEC(run_tape), &handle); }

} // namespace gatehouse::app
