#pragma once
#include "persistence/commit_protocol.hpp"

namespace gatehouse::persistence {

std::unique_ptr<commit_protocol> make_sqlite_commit(sql& on);

} // namespace gatehouse::persistence
