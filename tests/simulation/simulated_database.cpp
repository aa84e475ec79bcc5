#include "tests/simulation/simulated_database.hpp"

#include "persistence/sql_error.hpp"

namespace gatehouse::simulation {

simulated_database::simulated_database(
    std::string name, schedule& in, simulated_loop& on, simulated_store& store, core::store_clock& time,
    core::id_source& ids, database_faults const& faults
)
    : name_(std::move(name)),
      schedule_(in),
      loop_(on),
      store_(store),
      time_(time),
      ids_(ids),
      faults_(faults),
      protocol_(persistence::commit_protocol::make(store.statements())) {}

void simulated_database::enqueue(unit<core::transaction>& work) { start(work, draw_delay()); }
void simulated_database::enqueue(unit<core::snapshot>& work) { start(work, draw_delay() / 4); }

template <class Unit>
void simulated_database::start(Unit& work, std::chrono::nanoseconds delay) {
    loop_.after(delay, [this, &work] { attempt(work); });
}

std::chrono::nanoseconds simulated_database::draw_delay() {
    std::chrono::nanoseconds const none(0);
    if (is_cut_off_) return none;
    auto& luck = schedule_.luck();
    return luck.between(none, luck.per_mille(faults_.slow) ? faults_.slow_max : faults_.usual);
}

// True: the unit does not get to the store now, and is answered or tried later.
bool simulated_database::is_kept_away(waiting_unit& work) {
    if (!is_cut_off_ && schedule_.elapsed() >= away_until_ && !schedule_.luck().per_mille(faults_.refused))
        return false;
    schedule_.note(name_, "is refused by the store");
    answer(work, std::make_exception_ptr(core::store_unavailable("The store is away.")));
    return true;
}

void simulated_database::attempt(unit<core::transaction>& work) {
    if (is_kept_away(work)) return;
    auto& luck = schedule_.luck();
    bool const is_lost = luck.per_mille(faults_.retried);
    auto& sql = store_.statements();
    std::exception_ptr failure;
    std::shared_ptr<core::commit_signals> signals;
    try {
        protocol_->begin(ids_.make(), false);
        // As PostgreSQL does, the store tells its time.
        time_.learn(simulated_clock(schedule_).now());
        core::transaction tx(store_.session().stores(), time_.now(), ids_);
        if (work.run(tx) && !is_lost) {
            auto logged = protocol_->publish(std::move(tx.published()));
            signals = std::make_shared<core::commit_signals>(std::move(tx.signals()));
            signals->events = std::move(logged);
            protocol_->commit();
        }
    } catch (persistence::serialization_retry const&) {
        sql.rollback();
        return start(work, draw_delay());
    } catch (...) {
        failure = std::current_exception();
        signals.reset();
    }
    sql.rollback();
    if (is_lost) {
        schedule_.note(name_, "runs a unit again");
        return start(work, draw_delay());
    }
    if (signals && witness_) witness_(*signals);
    bool const is_late = luck.per_mille(faults_.answer_lost);
    if (is_late) schedule_.note(name_, "gets no answer to a COMMIT");
    answer(
        work, failure, signals, is_late ? luck.between({}, faults_.slow_max) : std::chrono::nanoseconds(0)
    );
}

void simulated_database::attempt(unit<core::snapshot>& work) {
    if (is_kept_away(work)) return;
    auto& sql = store_.statements();
    std::exception_ptr failure;
    try {
        sql.begin(persistence::access::read);
        core::snapshot view(store_.session().stores(), time_.now());
        work.run(view);
    } catch (...) {
        failure = std::current_exception();
    }
    sql.rollback();
    answer(work, failure);
}

void simulated_database::answer(
    waiting_unit& work, std::exception_ptr failure, std::shared_ptr<core::commit_signals> signals,
    std::chrono::nanoseconds extra
) {
    loop_.after(draw_delay() / 4 + extra, [this, &work, failure, signals] {
        if (signals && on_commit_ && !is_cut_off_) on_commit_(*signals);
        work.finished(failure);
    });
}

} // namespace gatehouse::simulation
