#pragma once
// Removes up to `:limit` rows whose `time` is before `:before`, the oldest first. `key`: the columns that
// tell the table's rows apart.
#define DELETE_OLDEST(table, key, time)                                                                      \
    "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE " time                    \
    " < :before ORDER BY " time " LIMIT :limit)"
