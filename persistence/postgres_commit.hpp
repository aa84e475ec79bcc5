#pragma once
#include "persistence/commit_protocol.hpp"

namespace gatehouse::persistence {

std::unique_ptr<commit_protocol> make_postgres_commit(sql& on);

} // namespace gatehouse::persistence
