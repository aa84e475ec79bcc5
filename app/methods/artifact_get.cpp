#include "protocol/gen/methods/artifact_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"

namespace gatehouse::app {
namespace {

result<protocol::artifact> handle(protocol::artifact_get::params p, caller const& who, core::snapshot& view) {
    auto owner = who.sees_all() ? std::nullopt : std::optional(who.principal);
    if (auto found = view.artifacts().find(p.artifact_id, owner)) return describe(*found);
    return fail(errc::not_found, "There is no artifact '" + p.artifact_id + "'.");
}

} // namespace

method_row make_artifact_get(services const& s) { return expose(s, GATEHOUSE_CODEC(artifact_get), &handle); }

} // namespace gatehouse::app
