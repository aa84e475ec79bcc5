#pragma once
// Changes one run inside a transaction: moves it through the state machine, appends to its tape, and writes
// both at once. Whoever has one holds the lock of the run's row.
#include "core/runs/run.hpp"
#include "core/runs/run_machine.hpp"
#include "core/storage/transaction.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

// Database thread only.
class run_editor {
  public:
    // For a run whose row is locked.
    run_editor(transaction& tx, run locked) : tx_(tx), run_(std::move(locked)) {}
    run_editor(run_editor const&) = delete;
    run_editor& operator=(run_editor const&) = delete;

    run& value() { return run_; }
    run const& value() const { return run_; }
    transaction& tx() { return tx_; }

    void append(std::string_view kind, boost::json::object payload);

    // Says something in the session's conversation, where the run is no work in the background.
    void say(std::string role, std::string text, boost::json::object extra);
    // The newest messages of the session, with what was said here.
    std::vector<message> conversation(std::int64_t messages_max) const;
    // The run's session was made in this transaction: nothing was said in it before.
    void begin_session() { session_is_new_ = true; }

    // Moves the run, with a status_change on the tape and an event; the transition must exist in the table.
    // `from` of a new run is absent.
    void move(run_event on, std::string_view reason = {});

    // The first item and event of a new run, whose state is `accepted`.
    void announce_new();

    // The same for a fork, whose tape is a copy so far: the note tells of what.
    void announce_fork(std::string const& of_run_id, std::int64_t at_seq);

    // Notes on the tape who works on the run now.
    void append_lease(std::string_view reason);

    // What others left for the run, once.
    std::vector<inbox_message> take_inbox();

    // The tool calls of the current turn, in order, and the open questions about them. The store is not asked
    // about a run that has made no call yet.
    std::vector<step> steps_of_turn() const;
    std::vector<approval> open_questions() const;

    // Writes the row, the tape items, the messages and the signals; a run that has ended makes its session's
    // next one claimable, under the session's lock, which the caller then holds. Nothing may be changed
    // afterwards.
    void save();
    // The same for a run that is not in the store yet.
    void insert();

  private:
    // Asked once: nothing about it changes while run and session are locked.
    run_store::surroundings const& around();
    void promote(std::string const& run_id);
    void write_what_was_said();
    void publish_state(std::optional<run_state> from, run_state to);

    transaction& tx_;
    run run_;
    std::vector<tape_item> items_;
    std::vector<message>
        said_; // written with the run: until then, reading costs Postgres no further round trip
    bool session_is_new_ = false;
    std::optional<run_store::surroundings> around_;
    bool inbox_taken_ = false;
};

} // namespace gatehouse::core
