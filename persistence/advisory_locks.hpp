#pragma once
#include <cstdint>

namespace gatehouse::persistence {

// The locks that processes on one Postgres agree on; any numbers will do that nobody else takes on this
// database. A third class, 1196705795, stands in the statements about instances: with the hash of its id, a
// process' life.

// Held by whoever changes the schema.
constexpr std::int64_t schema_lock = 0x4754480001;
// Held from the assignment of an event's seq to the end of COMMIT, and nothing is locked after it.
constexpr std::int64_t log_lock = 0x4754480002;
// Held by the process that copies a store into this database.
constexpr std::int64_t copy_lock = 0x4754480003;

} // namespace gatehouse::persistence
