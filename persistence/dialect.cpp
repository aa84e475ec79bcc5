#include "persistence/dialect.hpp"

#include "persistence/postgres_dialect.hpp"
#include "persistence/sqlite_dialect.hpp"

namespace gatehouse::persistence {

std::unique_ptr<dialect> dialect::make(store_url url, core::clock const& time) {
    if (url.kind == store_url::backend::postgres) return make_postgres_dialect(std::move(url));
    return make_sqlite_dialect(std::move(url), time);
}

} // namespace gatehouse::persistence
