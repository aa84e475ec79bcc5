#include "persistence/stores/sql_meta_store.hpp"

namespace gatehouse::persistence {

std::optional<std::string> sql_meta_store::get(std::string const& key) const {
    return sql_.row<std::string>("SELECT value FROM meta WHERE key = :key", key);
}

std::string sql_meta_store::put_if_absent(std::string const& key, std::string const& value) {
    sql_.exec("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT DO NOTHING", key, value);
    return *get(key);
}

} // namespace gatehouse::persistence
