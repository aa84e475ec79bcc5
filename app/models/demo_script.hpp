#pragma once
// What the demo model reads out of a run's messages: which directives belong to the turn that is due. No
// coroutines.
#include "core/ports/model.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gatehouse::app::models {

struct demo_call {
    std::string tool;
    boost::json::object arguments;
};
struct demo_parallel {
    std::size_t calls = 0;
};
struct demo_sleep {
    std::chrono::milliseconds time{0};
};
struct demo_fail {
    bool permanent = false;
    std::int64_t times = 0; // of a transient failure
};
struct demo_say {
    std::string text;
};
using demo_directive = std::variant<demo_call, demo_parallel, demo_sleep, demo_fail, demo_say>;

struct demo_turn {
    std::vector<demo_directive> directives; // of this turn, in the order they were written
    std::string plain_text;                 // lines since the last turn that are no directives
    bool run_has_directives = false;
    std::vector<std::string> tool_outputs; // of the run so far, one JSON document each, on one line
    std::int64_t turns_before = 0;
};

// The turn that follows `messages`, of which only those of `run_id` count. The failure is a sentence that
// names the line no directive can be read from.
std::expected<demo_turn, std::string>
read_demo_turn(std::vector<core::model_message> const& messages, std::string_view run_id);

} // namespace gatehouse::app::models
