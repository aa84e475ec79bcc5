#pragma once
// A program that runs as a child of this process, in a process group of its own, with its three streams as
// pipes.
#include "app/net/descriptor.hpp"
#include "core/execution/cancellation.hpp"
#include "core/execution/task.hpp"
#include "protocol/error.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app::node {

struct child_program {
    std::vector<std::string> argv; // argv[0]: a path, or a name that is looked up in PATH of `environment`
    std::vector<std::string> environment; // "NAME=value", all of it
    int directory = -1;                   // descriptor of the directory it starts in; stays the caller's
    std::string input;                    // for its standard input, which is closed after it
    std::size_t output_bytes_max = 0;     // kept of each output; the rest is read and thrown away
};

struct child_outcome {
    std::optional<int> exit_code; // nothing where a signal ended it
    std::optional<int> exit_signal;
    std::string output;     // standard output
    std::string errors;     // standard error
    bool truncated = false; // one of both was longer
    bool timed_out = false;
    bool cancelled = false;
};

// Starts the program and waits for it. At the deadline or on `stop` its whole group is killed; so is what it
// left running in its group when it ended. `on_output` hears how much has come so far. Must be called on a
// thread that lives as long as the process: the kernel kills the child when the thread that started it ends
// (PR_SET_PDEATHSIG). Fails with capability_failed where the program can't be started.
core::task<result<child_outcome>> run_child(
    net::io_loop& loop, child_program const& program, core::steady_time deadline, core::cancellation& stop,
    std::function<void(std::size_t output_bytes)> on_output
);

} // namespace gatehouse::app::node
