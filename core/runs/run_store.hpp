#pragma once
#include "core/runs/run.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::core {

struct run_filter {
    std::optional<std::string> principal; // empty: everybody's
    std::optional<std::string> session_id;
    std::optional<std::string> agent;
    std::optional<run_state> state;
    std::optional<std::string> after; // run id; the page continues behind it
    std::int64_t limit = 100;
    std::optional<run_purpose> purpose = run_purpose::message; // empty: work in the background too
};

// Messages, and the work in the background that people's messages go before.
enum class run_queue : std::uint8_t { messages, background };

// When the next run of each queue becomes claimable.
struct claimable_times {
    std::optional<timestamp> messages;
    std::optional<timestamp> background;
};

// Port, implemented in persistence/. Database thread only, like every store.
class run_store {
  public:
    virtual ~run_store() = default;

    virtual std::optional<run> find(std::string const& run_id) const = 0;
    // Newest first.
    virtual std::vector<run> list(run_filter const& filter) const = 0;
    virtual std::map<run_state, std::int64_t> count_by_state() const = 0;
    // How many runs each instance holds the lease of.
    virtual std::map<std::string, std::int64_t> count_by_owner() const = 0;

    virtual void insert(run const& r) = 0;
    // Reads the run and keeps its row locked to the end of the transaction.
    virtual std::optional<run> lock(std::string const& run_id) = 0;
    // Locks the session and then the run, as everywhere. Nothing where the lease has another epoch: then the
    // run is not the caller's any more.
    virtual std::optional<run>
    lock_leased(std::string const& session_id, std::string const& run_id, std::int64_t lease_epoch) = 0;
    // Writes every column that may change. The caller holds the row's lock.
    virtual void save(run const& r) = 0;

    // Locks up to `limit` due runs and gives them to `owner`: lease_epoch + 1, claimable_at empty; the state
    // is not touched. The caller saves them.
    virtual std::vector<run>
    claim(std::string const& owner, std::int64_t limit, run_queue from = run_queue::messages) = 0;
    virtual claimable_times next_claimable_at() const = 0;
    // Takes the lease from `owner`: lease_epoch + 1, no owner, claimable now. Returns how many.
    virtual std::int64_t release_all_of(std::string const& owner) = 0;
    // Runs whose owner is not among the instances: claimed by a process that was declared dead at that moment
    // and died before it heard of that.
    virtual bool any_ownerless() const = 0;
    virtual std::int64_t release_ownerless() = 0;

    // The unfinished run that stands first in the session; never work in the background.
    virtual std::optional<run> head_of_session(std::string const& session_id) const = 0;
    // What concerns a run that is locked with its session.
    struct surroundings {
        bool has_inbox = false;
        std::optional<std::string> next_run_id; // stands first in the session without this run
    };
    virtual surroundings around(run const& r) const = 0;
    // The next free ordinal of a session, and the one beside its order; the caller holds the session's lock.
    virtual std::int64_t next_ordinal(std::string const& session_id) const = 0;
    virtual std::int64_t next_background_ordinal(std::string const& session_id) const = 0;

    virtual void append_tape(std::string const& run_id, std::span<tape_item const> items) = 0;
    // The items up to `last_seq`, as they are, become the beginning of another run's tape.
    virtual void
    copy_tape(std::string const& from_run_id, std::int64_t last_seq, std::string const& to_run_id) = 0;
    // In order of seq, from behind `after_seq`.
    virtual std::vector<tape_item>
    tape(std::string const& run_id, std::int64_t after_seq, std::int64_t limit) const = 0;

    virtual void
    add_to_inbox(std::string const& run_id, std::string const& kind, json_text const& payload) = 0;
    // Oldest first; they are gone afterwards.
    virtual std::vector<inbox_message> take_inbox(std::string const& run_id) = 0;
    virtual bool has_inbox(std::string const& run_id) const = 0;
    // Those with a message in the inbox or a cancellation.
    virtual std::vector<std::string> with_news(std::vector<std::string> const& run_ids) const = 0;

    virtual void insert_step(step const& s) = 0;
    virtual void save_step(step const& s) = 0;
    virtual std::optional<step> find_step(std::string const& run_id, std::int64_t ordinal) const = 0;
    // In order of ordinal.
    virtual std::vector<step> steps_of_turn(std::string const& run_id, std::int64_t turn) const = 0;
};

} // namespace gatehouse::core
