#include "tests/simulation/simulated_store.hpp"

#include "persistence/migrate.hpp"

// The sqlite3_ names live in namespace sqlite_api, into which this header includes <sqlite3.h>.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <stdexcept>
#include <utility>

namespace gatehouse::simulation {

namespace {

using namespace sqlite_api;

persistence::store_url memory() { return persistence::store_url::parse("sqlite::memory:"); }

// One thread needs no mutex, and half of the time goes by in small steps between them.
void run_without_mutexes() {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

// A statement without values, prepared once.
class prepared {
  public:
    prepared(soci::session& on, char const* text) {
        auto* const db = static_cast<soci::sqlite3_session_backend*>(on.get_backend())->conn_;
        if (sqlite3_prepare_v2(db, text, -1, &statement_, nullptr) != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(db));
    }
    ~prepared() { sqlite3_finalize(statement_); }
    prepared(prepared const&) = delete;
    prepared& operator=(prepared const&) = delete;

    void run() {
        sqlite3_step(statement_);
        if (sqlite3_reset(statement_) != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(sqlite3_db_handle(statement_)));
    }

  private:
    sqlite3_stmt* statement_ = nullptr;
};

} // namespace

// Puts every transaction inside of a larger one, whose end undoes a whole world. So all statements stay
// prepared, which a copied image would not allow.
class simulated_store::nested_dialect final : public persistence::dialect {
  public:
    explicit nested_dialect(core::clock const& time)
        : dialect(memory()), real_(persistence::dialect::make(memory(), time)) {}

    void begin_world() {
        if (std::exchange(in_world_, true)) real_->script(*session_, "ROLLBACK");
        in_unit_ = false;
        real_->script(*session_, "BEGIN");
    }

    void open(soci::session& session) const override {
        session_ = &session;
        real_->open(session);
        // A savepoint copies each page that changes behind it.
        real_->script(session, "PRAGMA page_size = 1024");
        begin_unit_ = std::make_unique<prepared>(session, "SAVEPOINT unit");
        end_unit_ = std::make_unique<prepared>(session, "RELEASE unit");
        undo_unit_ = std::make_unique<prepared>(session, "ROLLBACK TO unit");
    }
    // Before the session goes.
    void close() {
        begin_unit_.reset();
        end_unit_.reset();
        undo_unit_.reset();
    }
    int descriptor(soci::session&) const override { return -1; }
    void examine(soci::session& session) const override { real_->examine(session); }
    void script(soci::session& session, std::string const& text) const override {
        if (text != "ROLLBACK") return real_->script(session, text);
        undo_unit_->run();
        end_unit_->run();
        in_unit_ = false;
    }
    std::string
    begin(soci::session& session, persistence::access, std::string const& first_words) const override {
        begin_unit_->run();
        in_unit_ = true;
        if (!first_words.empty()) real_->script(session, first_words);
        return {};
    }
    void commit(soci::session& session, std::string const& last_words) const override {
        if (!last_words.empty()) real_->script(session, last_words);
        end_unit_->run();
        in_unit_ = false;
    }
    bool in_transaction(soci::session&) const override { return in_unit_; }
    bool can_go_on(soci::session&) const override { return in_unit_; }
    std::int64_t changes(soci::session& session) const override { return real_->changes(session); }
    int column_count(soci::details::statement_backend& executed) const override {
        return real_->column_count(executed);
    }
    [[noreturn]] void rethrow(soci::session& session, std::string const& doing) const override {
        real_->rethrow(session, doing);
    }
    std::string quote(soci::session& session, std::string const& value) const override {
        return real_->quote(session, value);
    }
    std::string to_bytes_text(std::string_view bytes) const override { return real_->to_bytes_text(bytes); }
    std::string from_bytes_text(std::string text) const override {
        return real_->from_bytes_text(std::move(text));
    }

  private:
    std::unique_ptr<persistence::dialect> real_;
    mutable soci::session* session_ = nullptr;
    mutable std::unique_ptr<prepared> begin_unit_;
    mutable std::unique_ptr<prepared> end_unit_;
    mutable std::unique_ptr<prepared> undo_unit_;
    mutable bool in_unit_ = false;
    bool in_world_ = false;
};

simulated_store::simulated_store()
    : dialect_((run_without_mutexes(), std::make_unique<nested_dialect>(clock_))),
      session_(std::make_unique<persistence::store_session>(*dialect_)) {
    persistence::migrate(session_->statements());
}

simulated_store::~simulated_store() { dialect_->close(); }

void simulated_store::set_back(schedule const& time) {
    clock_.schedule_ = &time;
    dialect_->begin_world();
}

} // namespace gatehouse::simulation
