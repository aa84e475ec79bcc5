#pragma once
#include "app/dispatch/caller.hpp"
#include "core/storage/transaction.hpp"
#include "protocol/error.hpp"
#include "protocol/gen/types/artifact_ref.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

// not_found for the first one that the caller has not put; `field` is its name in the params. Database
// thread.
result<void> check_attachments(
    core::snapshot const& view, caller const& who,
    std::optional<std::vector<protocol::artifact_ref>> const& attachments, std::string const& field
);

} // namespace gatehouse::app
