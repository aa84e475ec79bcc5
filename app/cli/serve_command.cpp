#include "app/application.hpp"
#include "app/cli/commands.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace gatehouse::app::cli {

void add_serve_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("serve", "Run a gateway until it is told to stop");
    auto const options = std::make_shared<serve_options>();
    command
        ->add_option(
            "--config", options->config_file, "Configuration file (TOML); what stands here goes before it"
        )
        ->type_name("FILE");
    command->add_option("--data", options->data, "Directory for the store, the admin token and artifacts")
        ->type_name("DIR");
    command
        ->add_option(
            "--listen", options->listen, "Where to listen; port 0 takes any free one (127.0.0.1:8787)"
        )
        ->type_name("HOST:PORT");
    command
        ->add_option(
            "--store", options->store,
            "sqlite:PATH or postgresql://…; GATEHOUSE_STORE keeps a password out of argv"
        )
        ->type_name("URL")
        ->envname("GATEHOUSE_STORE");
    command->add_option("--roles", options->roles, "edge, worker, scheduler (all)")
        ->delimiter(',')
        ->type_name("LIST");
    command
        ->add_option(
            "--behind-proxy", options->behind_proxy,
            "Address of the TLS proxy before it, which is then trusted"
        )
        ->type_name("ADDRESS");
    command->footer(
        R"(When it is ready it prints one line of JSON to stdout with its address; logs go to stderr.
GATEHOUSE_ADMIN_TOKEN installs that token at the first start; otherwise one is made and kept in
DIR/admin.token.

Examples:
  gatehouse serve
  gatehouse serve --data ./data --listen 127.0.0.1:0
  gatehouse serve --config /etc/gatehouse.toml
  GATEHOUSE_STORE=postgresql://gatehouse@db/gatehouse gatehouse serve
  gatehouse serve --listen 10.0.0.5:8787 --behind-proxy 10.0.0.1)"
    );
    command->callback([&chosen, options] { chosen = [options] { return run_serve(*options); }; });
}

} // namespace gatehouse::app::cli
