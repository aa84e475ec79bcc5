#include "app/cli/command_line.hpp"

#include <csignal>

int main(int argc, char** argv) {
    // A peer or a child that no longer reads is told by the write that fails.
    std::signal(SIGPIPE, SIG_IGN);
    return gatehouse::app::cli::run_command_line(argc, argv);
}
