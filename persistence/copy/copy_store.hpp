#pragma once
#include "core/ports/clock.hpp"
#include "persistence/store_url.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::persistence {

// How far the copy of a table is.
struct copy_progress {
    std::string table;
    std::int64_t rows = 0;
    std::int64_t of_rows = 0;
};

struct copy_plan {
    store_url from;
    store_url to;
    // Where the gateways keep artifacts that are files; copied where both are given.
    std::optional<std::filesystem::path> artifacts_from;
    std::optional<std::filesystem::path> artifacts_to;
};

struct copy_summary {
    std::int64_t tables = 0;
    std::int64_t rows = 0;
    std::int64_t runs = 0; // each with its tape's hash chain recomputed in the target
    std::int64_t tape_items = 0;
    std::int64_t artifact_files = 0;            // artifacts whose bytes are a file
    std::vector<std::string> missing_artifacts; // those that were to be copied and are not there
};

// Makes `to` a copy of `from`, table by table, in chunks that are a transaction each; the two may be of any
// kind. `on_progress` is called after each chunk. What is in the target already when this is called again is
// not copied again, so it may be killed at any moment; until the copy is verified no gateway starts on the
// target. Throws unusable_store with a sentence: the source is not of this program's schema or in use, the
// target holds something else or is in use, or the two are not the same in the end. Whether somebody works on
// a file is not looked at: that is what the caller's locks are for.
copy_summary copy_store(
    copy_plan const& plan, core::clock const& time,
    std::function<void(copy_progress const&)> const& on_progress
);

} // namespace gatehouse::persistence
