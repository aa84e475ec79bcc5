#include "app/cli/command_line.hpp"

#include "app/cli/commands.hpp"
#include "app/data_directory.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>

namespace gatehouse::app::cli {
namespace {

constexpr char const* examples = R"(Examples:
  gatehouse serve                                    run a gateway on 127.0.0.1:8787
  gatehouse chat                                     talk to an agent
  gatehouse call run.start '{"input":{"text":"hi"}}' call any method
  gatehouse node --root ~/shared --invite-file FILE  offer this machine to the agents

Client commands find the gateway by --gateway or GATEHOUSE_URL and the token by --token-file or
GATEHOUSE_TOKEN; both also in the data directory of a gateway on this machine.
"gatehouse COMMAND --help" tells more.)";

void complain(char const* sentence) { fmt::print(stderr, "gatehouse: {}\n", sentence); }

} // namespace

int run_command_line(int argc, char const* const* argv) {
    CLI::App program("Gatehouse, a gateway between agents, people and devices.", "gatehouse");
    program.footer(examples);
    program.set_version_flag("--version", "gatehouse " GATEHOUSE_VERSION);
    program.require_subcommand(1);
    chosen_command chosen;
    add_serve_command(program, chosen);
    add_node_command(program, chosen);
    add_call_command(program, chosen);
    add_chat_command(program, chosen);
    add_db_command(program, chosen);
    add_completion_command(program, chosen);
    try {
        program.parse(argc, argv);
    } catch (CLI::CallForHelp const& e) {
        return program.exit(e);
    } catch (CLI::CallForVersion const& e) {
        return program.exit(e);
    } catch (CLI::ParseError const& e) {
        fmt::print(stderr, "gatehouse: {}. See gatehouse --help.\n", e.what());
        return 2;
    }
    try {
        return chosen();
    } catch (startup_problem const& problem) {
        complain(problem.what());
        return 2;
    } catch (std::exception const& failure) {
        complain(failure.what());
        return 1;
    }
}

} // namespace gatehouse::app::cli
