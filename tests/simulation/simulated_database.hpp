#pragma once
// The database of one simulated process: each unit runs as one piece on the world's store, at a time that the
// seed draws, and what can go wrong with it does.
#include "core/ports/ids.hpp"
#include "core/ports/store_clock.hpp"
#include "core/storage/database.hpp"
#include "persistence/commit_protocol.hpp"
#include "tests/simulation/simulated_store.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace gatehouse::simulation {

// In thousandths of the units, and the times that units take.
struct database_faults {
    unsigned retried = 0;     // ran, lost against another transaction, was rolled back and runs again
    unsigned refused = 0;     // the store does not answer: nothing was committed
    unsigned answer_lost = 0; // committed, and the answer comes only after it was decided
    unsigned slow = 0;
    std::chrono::nanoseconds usual{1'000'000};
    std::chrono::nanoseconds slow_max{400'000'000};
};

class simulated_database final : public core::database {
  public:
    simulated_database(
        std::string name, schedule& in, simulated_loop& on, simulated_store& store, core::store_clock& time,
        core::id_source& ids, database_faults const& faults
    );

    void enqueue(unit<core::transaction>& work) override;
    void enqueue(unit<core::snapshot>& work) override;

    void set_commit_listener(std::function<void(core::commit_signals const&)> listener) {
        on_commit_ = std::move(listener);
    }
    // Hears of each commit in the moment it happens, before anybody else.
    void set_witness(std::function<void(core::commit_signals const&)> witness) {
        witness_ = std::move(witness);
    }

    // The process is dead, or parted from the store for good: nothing of it reaches the store any more.
    void cut_off() { is_cut_off_ = true; }
    // No unit gets through before that time.
    void go_away_until(std::chrono::nanoseconds when) { away_until_ = when; }

  private:
    template <class Unit>
    void start(Unit& work, std::chrono::nanoseconds delay);
    void attempt(unit<core::transaction>& work);
    void attempt(unit<core::snapshot>& work);
    bool is_kept_away(core::database::waiting_unit& work);
    void answer(
        waiting_unit& work, std::exception_ptr failure, std::shared_ptr<core::commit_signals> signals = {},
        std::chrono::nanoseconds extra = std::chrono::nanoseconds(0)
    );
    std::chrono::nanoseconds draw_delay();

    std::string name_;
    schedule& schedule_;
    simulated_loop& loop_;
    simulated_store& store_;
    core::store_clock& time_;
    core::id_source& ids_;
    database_faults const& faults_;
    std::unique_ptr<persistence::commit_protocol> protocol_;
    std::function<void(core::commit_signals const&)> on_commit_;
    std::function<void(core::commit_signals const&)> witness_;
    bool is_cut_off_ = false;
    std::chrono::nanoseconds away_until_{0};
};

} // namespace gatehouse::simulation
