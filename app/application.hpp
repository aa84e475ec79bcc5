#pragma once
// The composition root of `gatehouse serve`: what there is, how it is wired, how it starts and stops.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

// What the command line and the environment say; what is absent is taken from the file or the defaults.
struct serve_options {
    std::optional<std::filesystem::path> config_file;
    std::optional<std::filesystem::path> data;
    std::optional<std::string> listen;       // HOST:PORT
    std::optional<std::string> store;        // sqlite:PATH or postgresql://…
    std::optional<std::string> behind_proxy; // address of a trusted TLS proxy
    std::vector<std::string> roles;          // none: all
};

// Serves until SIGTERM or SIGINT. When ready it prints one line to stdout,
// {"event":"ready","address":…,"gateway_id":…, "instance_id":…}; logs go to stderr. Returns 0 after a clean
// stop. Throws startup_problem.
int run_serve(serve_options const& options);

// Where a gateway keeps its files when nobody says: $XDG_DATA_HOME/gatehouse or ~/.local/share/gatehouse.
std::filesystem::path default_data_directory();

} // namespace gatehouse::app
