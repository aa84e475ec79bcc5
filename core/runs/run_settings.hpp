#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace gatehouse::core {

// What configuration says about runs. The same for all runs of a process.
struct run_settings {
    std::string instance_id;
    std::int64_t slots = 64;                         // runs that work at the same time in this process
    std::chrono::milliseconds tool_patience{60'000}; // how long a call to a node that is away is tried again
    std::chrono::milliseconds tool_timeout{300'000}; // from sending a call to its answer
    std::chrono::milliseconds approval_ttl{24 * 3600'000};
    std::chrono::milliseconds retry_delay_first{200
    }; // of a failed model turn; doubles up to retry_delay_max, full jitter
    std::chrono::milliseconds retry_delay_max{30'000};
    std::int64_t turn_attempts_max = 10;
    bool session_labels = true; // whether a session without a label gets one from its conversation
    std::int64_t context_messages_max = 2'000; // newest first; what a turn is built from
    std::int64_t context_characters_max = 400'000;
    std::int64_t output_inline_bytes_max =
        32 * 1024; // a longer tool output becomes an artifact with a preview
};

} // namespace gatehouse::core
