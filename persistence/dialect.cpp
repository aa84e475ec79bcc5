#include "persistence/dialect.hpp"

#include "persistence/postgres_dialect.hpp"
#include "persistence/sqlite_dialect.hpp"

#include <stdexcept>

namespace gatehouse::persistence {

std::unique_ptr<dialect> dialect::make(store_url url, core::clock const& time) {
    if (url.kind == store_url::backend::postgres) return make_postgres_dialect(std::move(url));
    return make_sqlite_dialect(std::move(url), time);
}

std::optional<dialect::kept_statement> dialect::find_kept(soci::details::statement_backend&) const {
    return std::nullopt;
}

void dialect::call(soci::session&, std::span<kept_call const>) const {
    throw std::logic_error("this store keeps no statements apart from their sessions");
}

} // namespace gatehouse::persistence
