#include "protocol/gen/methods/session_history.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/page_of.hpp"
#include "core/sessions/resolve_session.hpp"

#include <charconv>

namespace gatehouse::app {
namespace {

// The `next` of this list is the ordinal of its last message.
std::optional<std::int64_t> parse_ordinal(std::string const& text) {
    std::int64_t ordinal = 0;
    auto const* end = text.data() + text.size();
    auto [stopped, failure] = std::from_chars(text.data(), end, ordinal);
    return failure == std::errc{} && stopped == end && ordinal >= 0 ? std::optional(ordinal) : std::nullopt;
}

result<protocol::session_history::reply> handle(
    protocol::session_history::params p, caller const& who, core::snapshot& view,
    contract_limits const& limits
) {
    auto found = core::find_session(view, p.session_id, who.principal, who.sees_all());
    if (!found) return std::unexpected(found.error());
    auto after = parse_ordinal(p.after.value_or("0"));
    if (!after) {
        return fail_param("/after", "format", "'" + *p.after + "' is not the 'next' of a page of messages.");
    }
    auto asked = rows_for_page(p.limit, limits);
    return page_of<protocol::session_history::reply>(
        view.sessions().messages(p.session_id, *after, asked), asked,
        [](core::message const& m) { return std::to_string(m.ordinal); }
    );
}

} // namespace

method_row make_session_history(services const& s) {
    return expose(s, GATEHOUSE_CODEC(session_history), &handle);
}

} // namespace gatehouse::app
