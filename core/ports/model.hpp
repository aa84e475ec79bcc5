#pragma once
// A model provider: one turn of a conversation.
#include "core/execution/cancellation.hpp"
#include "core/execution/task.hpp"
#include "core/runs/run.hpp"
#include "core/sessions/session_store.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

struct model_tool {
    std::string name;
    std::string description;
    json_text input_schema;
};

struct tool_request {
    std::string call_id; // the model's own, unique within the turn
    std::string tool;
    boost::json::object arguments;
};

// One message of the context, as the provider gets it.
struct model_message {
    std::string run_id; // which run it came with
    std::string role;   // "system", "user", "assistant", "tool"
    std::string text;
    std::vector<tool_request> tool_calls; // assistant
    std::string call_id;                  // tool: which call this answers
    std::string tool;                     // tool
};

struct model_request {
    std::string model;  // the provider's name of the model
    std::string run_id; // the run whose turn this is
    run_purpose purpose = run_purpose::message;
    std::vector<model_message> messages;
    std::vector<model_tool> tools;
    std::optional<double> temperature;
    std::int64_t attempt = 0; // failed attempts of this turn so far
};

struct model_response {
    std::string text;
    std::vector<tool_request> tool_calls;
    token_usage usage;
    std::string finish_reason; // "stop", "tool_calls", "length", …
};

struct provider_error {
    std::string kind; // "rate_limited", "unavailable", "bad_response", "rejected", "cancelled"
    std::string message;
    bool retryable = false;
    std::optional<std::chrono::milliseconds> retry_after;
};

// Gets the text of a turn while it is made.
class text_sink {
  public:
    virtual ~text_sink() = default;
    virtual void on_text(std::string_view piece) = 0;
};

class model {
  public:
    virtual ~model() = default;
    // Does not throw for what a provider does. After `stop` was requested it returns soon, with kind
    // "cancelled". Loop only.
    virtual task<std::expected<model_response, provider_error>>
    turn(model_request const& request, text_sink& sink, cancellation& stop) = 0;
};

// The models that configuration names, and `demo`.
class model_catalog {
  public:
    virtual ~model_catalog() = default;
    struct entry {
        model* provider = nullptr;
        std::string model_name; // what goes into model_request::model
    };
    // Nothing where no model has that name.
    virtual std::optional<entry> find(std::string_view name) const = 0;
};

} // namespace gatehouse::core
