#pragma once
// One step of the schema. Forward only: what was released is never edited, its checksum stands in every
// store.
#include <cstdint>
#include <span>
#include <string_view>

namespace gatehouse::persistence {

struct migration {
    struct script {
        std::string_view text;
        std::string_view checksum; // hex SHA-256 of the text
    };
    std::int64_t number = 0; // from 1, dense
    std::string_view name;
    script sqlite;
    script postgres;
};

// In order of number. Compiled in from migrations/ (embed_migrations.py).
std::span<migration const> embedded_migrations();

} // namespace gatehouse::persistence
