#include "app/methods/check_attachments.hpp"

namespace gatehouse::app {

result<void> check_attachments(
    core::snapshot const& view, caller const& who,
    std::optional<std::vector<protocol::artifact_ref>> const& attachments, std::string const& field
) {
    if (!attachments) return {};
    auto owner = who.sees_all() ? std::nullopt : std::optional(who.principal);
    for (auto const& each : *attachments) {
        if (view.artifacts().find(each.artifact_id, owner)) continue;
        return fail(
            errc::not_found, field + ": there is no artifact '" + each.artifact_id + "'; PUT it first."
        );
    }
    return {};
}

} // namespace gatehouse::app
