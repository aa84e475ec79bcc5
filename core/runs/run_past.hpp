#pragma once
// What a run had come to at a point of its tape, read off the tape alone.
#include "core/runs/run.hpp"
#include "core/sessions/session_store.hpp"

#include <boost/json/array.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::core {

// The point from which the run can go on: the model is to be asked. That is behind the last turn whose calls
// are all answered; a turn under way, and one that was the run's last word, is not in it. Every message that
// was given to the run is.
struct run_past {
    std::vector<message> messages; // of the run itself; session_id and run_id are the reader's business
    std::optional<std::string> output;
    token_usage usage;      // of all turns on the tape
    std::int64_t turns = 0; // all on the tape, so that the next one has a number of its own
    std::int64_t steps = 0; // likewise
    bool has_input = false; // what the run was started with stands on the tape
};

// Takes a tape page by page, from its first item to the point in question.
class run_past_reader {
  public:
    void add(std::span<tape_item const> page);
    run_past finish();

  private:
    void add(tape_item const& item);
    void take_input(tape_item const& item);
    void take_response(tape_item const& item);
    void take_decision(tape_item const& item);
    void take_output(tape_item const& item);
    void append(tape_item const& from, std::string role, std::string text, boost::json::object extra);
    // Forgets what was said after the last point from which the run could go on.
    void drop_open_turn();

    struct call {
        std::string call_id;
        std::string tool;
    };

    run_past past_;
    std::vector<message> new_inputs_;        // not shown to the model yet
    std::size_t settled_ = 0;                // so many messages stand before the open turn
    std::vector<call> undecided_calls_;      // of the last response, in order
    std::map<std::string, call> open_calls_; // by step id
};

} // namespace gatehouse::core
