#include "persistence/stores/sql_artifact_store.hpp"

#include "persistence/record.hpp"

#include <algorithm>

#define ARTIFACT_COLUMNS "artifact_id, size, media_type, name, in_directory, created_at"

namespace gatehouse::persistence {
namespace {

using core::artifact;

using artifact_record = record<
    artifact, &artifact::artifact_id, &artifact::size, &artifact::media_type, free_column<&artifact::name>,
    &artifact::in_directory, &artifact::created_at>;

// A range is read without the rest, and a statement never holds more than this.
constexpr std::int64_t chunk_bytes = 256 * 1024;

// Larger ones would make every backup and every page cache of a SQLite file theirs. On Postgres all stand in
// the store, for every process to read.
constexpr std::int64_t stored_bytes_max = 8 << 20;

} // namespace

std::optional<artifact>
sql_artifact_store::find(std::string const& artifact_id, std::optional<std::string> const& principal) const {
    return artifact_record::find(
        sql_,
        "SELECT " ARTIFACT_COLUMNS " FROM artifacts a WHERE artifact_id = :artifact_id "
        "AND (CAST(:principal AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM artifact_owners o "
        "WHERE o.artifact_id = a.artifact_id AND o.principal = :principal))",
        artifact_id, principal
    );
}

std::vector<artifact> sql_artifact_store::list(
    std::optional<std::string> const& principal, std::optional<std::string> const& after, std::int64_t limit
) const {
    return artifact_record::list(
        sql_,
        "SELECT " ARTIFACT_COLUMNS " FROM artifacts a WHERE (CAST(:principal AS TEXT) IS NULL OR EXISTS "
        "(SELECT 1 FROM artifact_owners o WHERE o.artifact_id = a.artifact_id AND o.principal = :principal)) "
        "AND (CAST(:after AS TEXT) IS NULL OR (created_at, artifact_id) < "
        "(SELECT b.created_at, b.artifact_id FROM artifacts b WHERE b.artifact_id = :after)) "
        "ORDER BY created_at DESC, artifact_id DESC LIMIT :limit",
        principal, after, limit
    );
}

std::string
sql_artifact_store::read(std::string const& artifact_id, std::int64_t offset, std::int64_t length) const {
    std::string out;
    if (length <= 0 || offset < 0) return out;
    auto const known = find(artifact_id, std::nullopt);
    if (known && known->in_directory) return directory_.read(artifact_id, offset, length);
    auto const last = (offset + length - 1) / chunk_bytes;
    for (auto ordinal = offset / chunk_bytes; ordinal <= last; ++ordinal) {
        auto const from = std::max<std::int64_t>(offset - ordinal * chunk_bytes, 0);
        auto const count = std::min(chunk_bytes - from, length - static_cast<std::int64_t>(out.size()));
        auto piece = sql_.row<bytes>(
            "SELECT substr(bytes, CAST(:first AS INTEGER), CAST(:count AS INTEGER)) FROM artifact_chunks "
            "WHERE artifact_id = :artifact_id AND ordinal = :ordinal",
            from + 1, count, artifact_id, ordinal
        );
        if (!piece) break;
        out += piece->value;
    }
    return out;
}

void sql_artifact_store::put(artifact const& given, std::string_view data, std::string const& principal) {
    auto a = given;
    a.in_directory = !sql_.of().is_postgres() && a.size > stored_bytes_max;
    if (a.in_directory && !data.empty()) directory_.write(a.artifact_id, data);
    auto const is_new =
        artifact_record::exec(
            sql_,
            "INSERT INTO artifacts (" ARTIFACT_COLUMNS ") VALUES (:artifact_id, :size, :media_type, "
            ":name, :in_directory, :created_at) ON CONFLICT DO NOTHING",
            a
        ) == 1;
    if (is_new && !a.in_directory) {
        for (std::int64_t ordinal = 0; !data.empty(); ++ordinal) {
            auto const piece = data.substr(0, chunk_bytes);
            // SQLite would keep the bytes as text, and cut ranges by characters.
            sql_.exec(
                sql_.either(
                    "INSERT INTO artifact_chunks (artifact_id, ordinal, bytes) "
                    "VALUES (:artifact_id, :ordinal, CAST(:bytes AS BLOB))",
                    "INSERT INTO artifact_chunks (artifact_id, ordinal, bytes) "
                    "VALUES (:artifact_id, :ordinal, CAST(:bytes AS BYTEA))"
                ),
                a.artifact_id, ordinal, bytes_view{piece}
            );
            data.remove_prefix(piece.size());
        }
    }
    sql_.exec(
        "INSERT INTO artifact_owners (artifact_id, principal) VALUES (:artifact_id, :principal) ON CONFLICT "
        "DO NOTHING",
        a.artifact_id, principal
    );
}

} // namespace gatehouse::persistence
