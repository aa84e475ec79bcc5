#pragma once
// What can go wrong between the process and its database, by what one does about it.
#include <stdexcept>
#include <string>

namespace gatehouse::persistence {

// Any failure of a statement. The text never holds the values that were bound: they may be secret.
struct sql_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A row with that key exists already.
struct unique_violation : sql_error {
    using sql_error::sql_error;
};

// Another constraint refused the row: a CHECK, a foreign key, a trigger.
struct constraint_violation : sql_error {
    using sql_error::sql_error;
};

// The transaction lost against another one (serialization, deadlock, lock timeout, busy). Running it again
// may succeed.
struct serialization_retry : sql_error {
    using sql_error::sql_error;
};

// The session is gone, or the file answers with I/O errors. Whether a COMMIT that got this answer took effect
// is not known.
struct connection_lost : sql_error {
    using sql_error::sql_error;
};

// The store cannot be used as it is, and a person has to do something about it. The text is one sentence that
// says what. Thrown while the store is opened and migrated, before anything was written to it.
struct unusable_store : std::runtime_error {
    enum class reason {
        bad_url,
        unreachable,
        unreadable,
        not_a_store,
        damaged,
        newer_schema,
        edited_migration,
        unfinished_copy
    };
    unusable_store(reason w, std::string const& sentence) : std::runtime_error(sentence), why(w) {}
    reason why;
};

} // namespace gatehouse::persistence
