#pragma once
// The configuration: a TOML file, checked by schemas/config.json, under what stands on the command line.
#include "protocol/gen/config.hpp"

#include <filesystem>

namespace gatehouse::app {

// Reads and checks the file. Throws startup_problem with file, line and key, and the nearest key that exists.
protocol::config read_config(std::filesystem::path const& file);

// What holds without a file.
protocol::config default_config();

} // namespace gatehouse::app
