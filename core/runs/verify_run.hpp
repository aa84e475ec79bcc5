#pragma once
#include "core/runs/change_run.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gatehouse::core {

struct tape_verdict {
    std::int64_t items = 0;
    // The first item that does not follow from the one before it, or that the run's own head does not know.
    std::optional<std::int64_t> first_bad_seq;
};

// Recomputes the hash chain of a run's tape and compares its end with the head in the run's row, on one
// snapshot. not_found as find_run. Database thread.
result<tape_verdict> verify_run(snapshot const& view, std::string const& run_id, actor const& who);

} // namespace gatehouse::core
