#pragma once
// The program's command line.

namespace gatehouse::app::cli {

// Exit code: 0 it worked, 1 what was asked failed, 2 it can't be done as it was asked (one sentence on
// stderr).
int run_command_line(int argc, char const* const* argv);

} // namespace gatehouse::app::cli
