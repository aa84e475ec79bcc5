#include "protocol/gen/methods/worker_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

bool is_worker(core::instance const& i) { return std::ranges::count(i.roles, "worker") > 0; }

result<protocol::worker_list::reply>
handle(protocol::worker_list::params p, caller const&, core::snapshot& view, contract_limits const& limits) {
    auto asked = rows_for_page(p.limit, limits);
    auto running = view.runs().count_by_owner();
    std::vector<worker_process> found;
    for (auto& each : view.instances().list()) {
        bool is_before = p.after && each.instance_id <= *p.after;
        if (is_before || !is_worker(each) || std::ssize(found) == asked) continue;
        auto const count = running[each.instance_id];
        found.push_back({std::move(each), count});
    }
    return page_of<protocol::worker_list::reply>(found, asked, [](worker_process const& w) {
        return w.process.instance_id;
    });
}

} // namespace

method_row make_worker_list(services const& s) { return expose(s, GATEHOUSE_CODEC(worker_list), &handle); }

} // namespace gatehouse::app
