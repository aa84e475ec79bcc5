#pragma once
#include "persistence/dialect.hpp"

namespace gatehouse::persistence {

std::unique_ptr<dialect> make_postgres_dialect(store_url url);

} // namespace gatehouse::persistence
