#pragma once
// What a run's tape and its streamed text look like in a terminal. Knows nothing of connections: after a
// reconnect the same items may come again, and what was printed isn't printed twice.
#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app::cli {

struct open_question {
    std::string approval_id;
    std::string subject_hash;
    bool is_outcome = false; // kind `outcome`: retry, skip or fail; else approve or deny
    std::string text;        // what is asked, for people
};

// The subject of an approval, for people: the tool, its arguments, the node.
std::string describe_subject(boost::json::object const& subject);

// One run.
class chat_transcript {
  public:
    // `answer` gets the model's text, `aside` whole lines about what happens meanwhile.
    chat_transcript(
        std::function<void(std::string_view)> answer, std::function<void(std::string const&)> aside
    )
        : answer_(std::move(answer)), aside_(std::move(aside)) {}

    // The payload of a `run.delta`.
    void take_delta(boost::json::object const& delta);

    // A TapeItem. Items up to the last one seen are skipped.
    void take_item(boost::json::object const& item);

    std::int64_t last_seq() const { return last_seq_; }

    // The question that waits for an answer now.
    std::optional<open_question> const& question() const { return question_; }
    void forget_question() { question_.reset(); }

  private:
    void take_response(boost::json::object const& payload);
    void take_request(boost::json::object const& payload);
    void begin_anew();
    void say(std::string_view text);
    void note(std::string line);

    std::function<void(std::string_view)> answer_;
    std::function<void(std::string const&)> aside_;
    std::int64_t last_seq_ = 0;
    std::string step_;          // the turn whose text comes in,
    std::int64_t attempt_ = 0;  // and its attempt
    std::string printed_;       // of its text
    std::string finished_step_; // the turn before; what still comes of it is late
    bool in_line_ = false;      // the last thing printed was text without a line end
    std::optional<open_question> question_;
};

} // namespace gatehouse::app::cli
