#include "protocol/gen/methods/artifact_list.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"

namespace gatehouse::app {
namespace {

result<protocol::artifact_list::reply> handle(
    protocol::artifact_list::params p, caller const& who, core::snapshot& view, contract_limits const& limits
) {
    auto asked = rows_for_page(p.limit, limits);
    auto owner = who.sees_all() ? std::nullopt : std::optional(who.principal);
    return page_of<protocol::artifact_list::reply>(
        view.artifacts().list(owner, p.after, asked), asked, &core::artifact::artifact_id
    );
}

} // namespace

method_row make_artifact_list(services const& s) {
    return expose(s, GATEHOUSE_CODEC(artifact_list), &handle);
}

} // namespace gatehouse::app
