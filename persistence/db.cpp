#include "persistence/db.hpp"

#include <pthread.h>

#include <utility>

namespace gatehouse::persistence {

db::db(
    store_url const& url, core::loop& on, core::store_clock& time, core::id_source& ids, db_options options
)
    : loop_(on),
      time_(time),
      ids_(ids),
      dialect_(dialect::make(url, time)),
      writes_(options.waiting_units_max, !dialect_->is_postgres()),
      urgent_writes_(options.waiting_units_max, false),
      reads_(options.waiting_units_max, false) {
    auto const open = [&] {
        return std::make_unique<store_session>(*dialect_, options.before_statement, options.artifacts);
    };
    // All sessions are open before the first thread starts: a failure here leaves nothing to stop.
    sessions_.push_back(open());
    schema_version_ = migrate(sessions_.front()->statements());
    history_.admit(sessions_.front()->statements());
    if (is_postgres()) {
        sql_transaction look(sessions_.front()->statements(), access::read);
        time_.learn(*sessions_.front()->statements().row<timestamp>("SELECT now_ms()"));
    }
    std::size_t const writers = is_postgres() ? options.postgres_writers : 1;
    std::size_t const urgent_writers = is_postgres() ? 1 : 0;
    while (sessions_.size() < writers + urgent_writers + options.readers) sessions_.push_back(open());
    if (is_postgres() && options.with_backplane && !url.pooled) open_backplane();
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (i < writers)
            start_writer(make_runner(*sessions_[i]), writes_);
        else if (i < writers + urgent_writers)
            start_writer(make_runner(*sessions_[i]), urgent_writes_);
        else
            start_reader(make_runner(*sessions_[i]));
    }
    if (is_postgres()) start_watch();
}

void db::open_backplane() {
    postgres_backplane::listener heard;
    heard.on_signals = [this](core::commit_signals signals) {
        core::post(loop_, [side = loop_side_, signals = std::move(signals)] {
            if (side->on_commit) side->on_commit(signals);
        });
    };
    heard.on_ephemeral = [this](core::event e) {
        core::post(loop_, [side = loop_side_, e = std::move(e)] {
            if (side->on_ephemeral) side->on_ephemeral(e);
        });
    };
    backplane_ = std::make_unique<postgres_backplane>(*dialect_, std::move(heard));
}

db::~db() { stop(); }

template <class Unit>
void db::push_or_refuse(unit_queue<Unit>& queue, Unit& work) {
    using refusal = typename unit_queue<Unit>::refusal;
    auto const refuse = [&](auto why) {
        tell({.signals = {}, .units = {{&work, std::make_exception_ptr(std::move(why))}}});
    };
    ++loop_side_->units_in_flight;
    switch (queue.push(work)) {
    case refusal::none:
        return;
    case refusal::full:
        return refuse(core::store_busy("Too much is waiting for the store; try again later."));
    case refusal::closed:
        return refuse(core::store_unavailable("The gateway is shutting down."));
    }
}

void db::enqueue(unit<core::transaction>& work) { push_or_refuse(writes_, work); }

void db::enqueue(unit<core::snapshot>& work) { push_or_refuse(reads_, work); }

void db::enqueue_urgent(unit<core::transaction>& work) {
    push_or_refuse(is_postgres() ? urgent_writes_ : writes_, work);
}

void db::set_commit_listener(std::function<void(core::commit_signals const&)> listener) {
    loop_side_->on_commit = std::move(listener);
}

void db::send_ephemeral(core::event const& e) {
    if (backplane_) backplane_->tell(e);
}

void db::set_ephemeral_listener(std::function<void(core::event const&)> listener) {
    loop_side_->on_ephemeral = std::move(listener);
}

void db::tell(unit_runner::ending what) {
    if (backplane_ && what.signals) backplane_->tell(*what.signals);
    core::post(loop_, [side = loop_side_, what = std::move(what)]() mutable {
        side->units_in_flight -= what.units.size();
        if (what.signals && side->on_commit) side->on_commit(*what.signals);
        for (auto& [unit, failure] : what.units) unit->finished(std::move(failure));
    });
}

unit_runner& db::make_runner(store_session& session) {
    runners_.push_back(std::make_unique<unit_runner>(
        session, history_, time_, ids_, gate_, [this](auto told) { tell(std::move(told)); }
    ));
    return *runners_.back();
}

void db::start_writer(unit_runner& runner, unit_queue<write_unit>& from) {
    threads_.emplace_back([&runner, &from] {
        pthread_setname_np(pthread_self(), "db writer");
        for (;;) {
            auto const units = from.take(runner.group_units_max());
            if (units.empty()) return;
            runner.run(units);
        }
    });
}

void db::start_reader(unit_runner& runner) {
    threads_.emplace_back([this, &runner] {
        pthread_setname_np(pthread_self(), "db reader");
        for (;;) {
            auto const units = reads_.take(1);
            if (units.empty()) return;
            runner.run(*units.front());
        }
    });
}

// A server may vanish behind a proxy that keeps the connection open: nothing else would end the wait for its
// answer.
void db::start_watch() {
    threads_.emplace_back([this] {
        pthread_setname_np(pthread_self(), "db watch");
        while (gate_.wait_for(std::chrono::seconds(1))) {
            for (auto const& each : runners_) each->cut_if_stalled();
        }
    });
}

void db::stop() {
    writes_.close();
    urgent_writes_.close();
    reads_.close();
    gate_.stop();
    for (auto& each : threads_) each.join();
    threads_.clear();
    runners_.clear();
    backplane_.reset();
    sessions_.clear();
}

} // namespace gatehouse::persistence
