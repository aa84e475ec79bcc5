#pragma once
#include "persistence/dialect.hpp"

namespace gatehouse::persistence {

std::unique_ptr<dialect> make_sqlite_dialect(store_url url, core::clock const& time);

} // namespace gatehouse::persistence
