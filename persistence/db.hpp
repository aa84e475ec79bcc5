#pragma once
// The database threads: each owns one session, takes units from a queue and tells them how they ended.
#include "core/execution/loop.hpp"
#include "core/ports/ids.hpp"
#include "core/ports/store_clock.hpp"
#include "core/storage/database.hpp"
#include "persistence/migrate.hpp"
#include "persistence/postgres_backplane.hpp"
#include "persistence/store_session.hpp"
#include "persistence/unit_queue.hpp"
#include "persistence/unit_runner.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace gatehouse::persistence {

struct db_options {
    std::size_t readers = 2;
    std::size_t postgres_writers = 2; // SQLite has one
    // More units than this waiting are refused: at a thousand commits a second nobody would wait so long.
    bool with_backplane = false; // tells other processes on this Postgres what was committed, and hears them
    std::size_t waiting_units_max = 10'000;
    std::filesystem::path artifacts = "artifacts"; // SQLite: directory of those over 8 MiB; made when needed
    statement_hook before_statement;               // tests only
};

// A writer commits what is waiting as one group, and readers read beside it. SQLite has one writer; on
// Postgres there are some, side by side, and urgent units have one of their own.
class db final : public core::database {
  public:
    // Opens and migrates the store and starts the threads. Throws unusable_store. `on` is the loop that the
    // commit listener is called on; everything given must outlive the db.
    db(store_url const& url, core::loop& on, core::store_clock& time, core::id_source& ids,
       db_options options = {});
    ~db() override;

    // Any thread. A unit that can't be taken in is finished at once with store_unavailable or store_busy.
    void enqueue(unit<core::transaction>& work) override;
    void enqueue(unit<core::snapshot>& work) override;
    void enqueue_urgent(unit<core::transaction>& work) override;

    // Called on the loop after each commit here, before the coroutines of its units go on, and for what other
    // processes tell of theirs. Loop only.
    void set_commit_listener(std::function<void(core::commit_signals const&)> listener);

    // Brings an event that is not stored to the other processes on this store, where there are any; and calls
    // the listener on the loop with theirs. It may get lost. Loop only.
    void send_ephemeral(core::event const& e);
    void set_ephemeral_listener(std::function<void(core::event const&)> listener);

    // Takes nothing more in, finishes what is waiting, joins the threads and closes the store. Any thread but
    // theirs; twice is once.
    void stop();

    // An answer is under way that comes sooner than a thread that sleeps would wake: SQLite commits on a fast
    // disk. Loop only.
    bool answers_soon() const { return !is_postgres() && loop_side_->units_in_flight > 0; }

    bool is_postgres() const { return dialect_->is_postgres(); }
    std::int64_t schema_version() const { return schema_version_; }

  private:
    // What the loop alone touches. Outlives the db in jobs that are posted and have not run.
    struct loop_side {
        std::function<void(core::commit_signals const&)> on_commit;
        std::function<void(core::event const&)> on_ephemeral;
        std::size_t units_in_flight = 0;
    };

    void open_backplane();
    void tell(unit_runner::ending what);
    template <class Unit>
    void push_or_refuse(unit_queue<Unit>& queue, Unit& work);
    unit_runner& make_runner(store_session& session);
    void start_writer(unit_runner& runner, unit_queue<write_unit>& from);
    void start_reader(unit_runner& runner);
    void start_watch();

    core::loop& loop_;
    core::store_clock& time_;
    core::id_source& ids_;
    std::unique_ptr<dialect> dialect_;
    std::shared_ptr<loop_side> loop_side_ = std::make_shared<loop_side>();
    std::int64_t schema_version_ = 0;
    server_history history_;
    stop_gate gate_;
    unit_queue<write_unit> writes_;
    unit_queue<write_unit> urgent_writes_; // Postgres only
    unit_queue<read_unit> reads_;
    // Closed one after another: only the last connection of a SQLite file writes its log back into it, and of
    // two that close at once neither is the last.
    std::vector<std::unique_ptr<store_session>> sessions_;
    std::vector<std::unique_ptr<unit_runner>> runners_;
    std::vector<std::thread> threads_;
    std::unique_ptr<postgres_backplane> backplane_; // Postgres only
};

} // namespace gatehouse::persistence
