#pragma once
// What processes tell each other, as texts that a notification can carry.
#include "core/events/event_log.hpp"
#include "core/storage/commit_signals.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::persistence {

// As many messages as it takes; none of them is larger than a notification may be. The events themselves are
// not told: others read them.
std::vector<std::string> encode_signals(core::commit_signals const& signals);
// Nothing for what another version says.
std::optional<core::commit_signals> decode_signals(std::string_view message);

// Nothing where the event is larger than a notification may be.
std::optional<std::string> encode_ephemeral(core::event const& e);
std::optional<core::event> decode_ephemeral(std::string_view message);

} // namespace gatehouse::persistence
