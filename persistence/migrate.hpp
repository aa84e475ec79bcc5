#pragma once
// Brings a store to the schema of this program.
#include "persistence/migration.hpp"
#include "persistence/sql.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::persistence {

// Stands in a store that is being made as a copy of another (copy/copy_store.hpp) until it is whole.
inline constexpr char const* unfinished_copy_table = "unfinished_copy";

// A step of the schema, known to this program, applied to the store, or both.
struct migration_status {
    std::int64_t number = 0;
    std::string name;
    std::optional<timestamp> applied_at; // absent: not applied yet
    bool is_known = true;                // false: a newer program applied it
    bool is_edited = false;              // applied with another text than this program's
};

// What `gatehouse db status` shows, in order of number. Changes nothing.
std::vector<migration_status> status(sql& on, std::span<migration const> known = embedded_migrations());

// Applies what is missing, each step in a transaction of its own; several processes may do it at once.
// Returns the number of the last step. Throws unusable_store, before any change, where the store is damaged,
// is an unfinished copy, has a newer schema or was made from an edited migration.
std::int64_t migrate(sql& on, std::span<migration const> known = embedded_migrations());

} // namespace gatehouse::persistence
