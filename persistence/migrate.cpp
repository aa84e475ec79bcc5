#include "persistence/migrate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::persistence {
namespace {

struct applied {
    std::int64_t number;
    std::string name;
    std::string checksum;
    timestamp at;
};

constexpr char const* table_text =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL);";

migration::script const& script_for(sql const& on, migration const& m) {
    return on.of().is_postgres() ? m.postgres : m.sqlite;
}

// Inside a transaction.
std::vector<applied> read_applied(sql& on) {
    auto const exists = on.row<std::int64_t>(on.either(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
        "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_migrations')"
    ));
    std::vector<applied> found;
    if (*exists == 0) return found;
    for (auto& [number, name, checksum, at] : on.rows<std::int64_t, std::string, std::string, timestamp>(
             "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number"
         )) {
        found.push_back({number, std::move(name), std::move(checksum), at});
    }
    return found;
}

std::vector<migration_status> compare(sql& on, std::span<migration const> known) {
    std::vector<migration_status> all;
    for (migration const& each : known) all.push_back({each.number, std::string(each.name), {}});
    for (applied const& each : read_applied(on)) {
        auto const at = std::ranges::find(all, each.number, &migration_status::number);
        if (at == all.end()) {
            all.push_back({each.number, each.name, each.at, false});
            continue;
        }
        at->applied_at = each.at;
        auto const& mine = known[static_cast<std::size_t>(at - all.begin())];
        at->is_edited = each.name != mine.name || each.checksum != script_for(on, mine).checksum;
    }
    return all;
}

void refuse_unusable(
    sql const& on, std::vector<migration_status> const& all, std::span<migration const> known
) {
    for (auto const& each : all) {
        if (!each.is_known) {
            throw unusable_store(
                unusable_store::reason::newer_schema,
                fmt::format(
                    "The store {} has schema version {}, made by a newer program (this one knows {}) and was "
                    "left as it "
                    "is; start the newer program, or name another store.",
                    on.of().url().name, all.back().number, known.size()
                )
            );
        }
        if (each.is_edited) {
            throw unusable_store(
                unusable_store::reason::edited_migration,
                fmt::format(
                    "Migration {:04d}_{} is not the one that was applied to the store {} ({}), which was "
                    "left as it is; "
                    "start the program that made it, and put changes into a migration of their own.",
                    each.number, each.name, on.of().url().name, format_timestamp(*each.applied_at)
                )
            );
        }
    }
}

void refuse_unfinished_copy(sql& on) {
    sql_transaction const snapshot(on, access::read);
    auto const found = on.row<std::int64_t>(on.either(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'unfinished_copy'",
        "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('unfinished_copy')"
    ));
    if (*found == 0) return;
    throw unusable_store(
        unusable_store::reason::unfinished_copy,
        fmt::format(
            "The store {} is a copy that was not finished and was left as it is; run \"gatehouse db copy\" "
            "with "
            "the same --from and --to again, which goes on where it stopped.",
            on.of().url().name
        )
    );
}

bool is_missing(migration_status const& step) { return !step.applied_at; }

// Applies the first missing step. False: there was none.
bool apply_next(sql& on, std::span<migration const> known) {
    sql_transaction whole(on, access::schema, table_text);
    auto const all = compare(on, known);
    refuse_unusable(on, all, known);
    auto const next = std::ranges::find_if(all, is_missing);
    if (next == all.end()) return false;
    auto const& step = known[static_cast<std::size_t>(next - all.begin())];
    on.script(std::string(script_for(on, step).text));
    on.exec(
        "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (:number, :name, "
        ":checksum, now_ms())",
        step.number, step.name, script_for(on, step).checksum
    );
    whole.commit();
    return true;
}

} // namespace

std::vector<migration_status> status(sql& on, std::span<migration const> known) {
    sql_transaction snapshot(on, access::read);
    return compare(on, known);
}

std::int64_t migrate(sql& on, std::span<migration const> known) {
    on.examine();
    refuse_unfinished_copy(on);
    auto const before = status(on, known);
    refuse_unusable(on, before, known);
    if (std::ranges::any_of(before, is_missing)) {
        while (apply_next(on, known)) {
        }
    }
    return static_cast<std::int64_t>(known.size());
}

} // namespace gatehouse::persistence
