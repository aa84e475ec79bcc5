#pragma once

namespace gatehouse::persistence {

// From now on the files that SQLite opens get what one commit adds to the write-ahead log by one call of the
// system, instead of two for each page; a sync still comes after it. Any thread, any number of times.
void write_wal_in_one_piece();

} // namespace gatehouse::persistence
