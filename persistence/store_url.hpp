#pragma once
// Which store: `sqlite:PATH` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?…`, with `pooler=transaction`
// behind the question mark where PgBouncer stands before the server.
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::persistence {

struct store_url {
    enum class backend { sqlite, postgres };

    // Throws unusable_store for anything else. No file and no server is touched.
    static store_url parse(std::string_view text);

    backend kind = backend::sqlite;
    std::string path; // SQLite: the file
    // Postgres: libpq's keywords and values, with this program's settings and the password; as many as there
    // are hosts, each beginning with another of them.
    std::vector<std::string> connections;
    // Postgres behind a pooler that gives each transaction another session (`?pooler=transaction`): no
    // statement is kept, no setting and no lock outlives a transaction, and nothing is heard from other
    // processes but by looking.
    bool pooled = false;
    std::string password; // Postgres, where the URL has one
    std::string name; // for people: the file, or "PostgreSQL at HOST:PORT, database NAME"; never a password
};

} // namespace gatehouse::persistence
