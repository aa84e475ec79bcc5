#include "app/cli/command_line.hpp"
#include "core/execution/fail_point.hpp"

#include <csignal>

int main(int argc, char** argv) {
    // A peer or a child that no longer reads is told by the write that fails.
    std::signal(SIGPIPE, SIG_IGN);
#ifdef GATEHOUSE_FAIL_POINTS
    if (auto const exit_code = gatehouse::core::check_fail_points()) return *exit_code;
#endif
    return gatehouse::app::cli::run_command_line(argc, argv);
}
