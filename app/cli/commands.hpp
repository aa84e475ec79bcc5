#pragma once
// The subcommands of `gatehouse`. Each adds itself to the program and says what it does when it was chosen.
#include <functional>

namespace CLI {
class App;
} // namespace CLI

namespace gatehouse::app::cli {

// Set by the subcommand that was chosen, run after parsing. Returns the exit code; throws startup_problem.
using chosen_command = std::function<int()>;

void add_serve_command(CLI::App& program, chosen_command& chosen);
void add_node_command(CLI::App& program, chosen_command& chosen);
void add_call_command(CLI::App& program, chosen_command& chosen);
void add_chat_command(CLI::App& program, chosen_command& chosen);
void add_db_command(CLI::App& program, chosen_command& chosen);
// Below `db`.
void add_db_copy_command(CLI::App& db, chosen_command& chosen);
// Last: it describes all the others.
void add_completion_command(CLI::App& program, chosen_command& chosen);

} // namespace gatehouse::app::cli
