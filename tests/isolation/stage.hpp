#pragma once
// What two transactions meet on: a session with a run in one of a few states and another run behind it, all
// by the real verbs; and what must be true of it afterwards.
#include "core/runs/advance_run.hpp"
#include "core/runs/start_run.hpp"
#include "persistence/commit_protocol.hpp"
#include "persistence/store_session.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatehouse::isolation {

enum class run_stands {
    queued,  // it may be claimed
    asking,  // leased; the model is asked
    calling, // leased; one call is under way, another one waits for a person
    waiting, // for a person, owned by nobody
};
inline constexpr run_stands all_stands[]{
    run_stands::queued, run_stands::asking, run_stands::calling, run_stands::waiting
};
char const* to_string(run_stands where);

// What the two sides were told, to be compared with what is there afterwards.
struct told {
    std::vector<std::string> started;    // ids of runs that were accepted
    std::vector<std::string> replies;    // to the same idempotency key
    std::vector<std::string> inputs;     // texts of messages that were taken in
    std::vector<std::string> decisions;  // about the approval
    std::vector<std::string> fired;      // runs of one slot of a trigger
    std::vector<core::run_lease> leases; // of claims
    std::vector<std::string> sessions;   // that both asked for, one of them in the mode `interrupt`
    bool cancelled = false;
    bool finished = false;
    bool new_history = false; // somebody found the server on one
};

// The session that prepares and looks afterwards; on the main thread.
class director {
  public:
    director(persistence::dialect const& of, core::clock const& time, core::id_source& ids);

    template <class F>
    auto write(F work) {
        auto const told = protocol_->begin(ids_.make(), false);
        core::transaction tx(session_.stores(), told.value_or(time_.now()), ids_);
        auto out = work(tx);
        protocol_->publish(std::move(tx.published()));
        protocol_->commit();
        return out;
    }
    template <class F>
    auto read(F work) {
        session_.statements().begin(persistence::access::read);
        auto out = work(core::snapshot(session_.stores(), time_.now()));
        session_.statements().rollback();
        return out;
    }
    persistence::sql& statements() { return session_.statements(); }
    std::string unique(std::string const& word) { return word + std::to_string(++count_); }

  private:
    core::clock const& time_;
    core::id_source& ids_;
    persistence::store_session session_;
    std::unique_ptr<persistence::commit_protocol> protocol_;
    int count_ = 0;
};

class stage {
  public:
    stage(director& by, run_stands where);

    // The log no longer knows the history that the server is on.
    void forget_history();
    // Goes on with everything until it has ended, as a healthy process would.
    void drain();
    // Sentences that begin with the invariant's number.
    std::vector<std::string> violations(told const& said);

    std::string owner; // the instance that leases the run
    std::string session_id;
    std::string run_id;
    std::string next_run_id;
    std::string approval_id; // calling, waiting
    core::run_lease lease;   // asking, calling
    core::run_settings settings;

  private:
    void accept();
    void work();
    void end(core::run_lease lease);
    void check_queue(std::vector<std::string>& found);
    void check_run(core::run const& r, told const& said, std::vector<std::string>& found);
    void check_log(std::vector<std::string>& found);
    void check_epochs(told const& said, std::vector<std::string>& found);
    void check_answers(told const& said, std::vector<std::string>& found);
    void check_sessions(told const& said, std::vector<std::string>& found);
    std::vector<core::run> runs();

    director& director_;
    run_stands where_;
    std::int64_t log_began_ = 0;
    std::size_t epochs_began_ = 0;
};

core::run_progress answered(std::string text, std::vector<core::tool_request> calls = {});
core::run_progress done(std::int64_t ordinal);

} // namespace gatehouse::isolation
