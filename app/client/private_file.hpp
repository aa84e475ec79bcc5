#pragma once
// Small files that only their owner may read: tokens and what stands beside them.
#include "protocol/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace gatehouse::app::client {

// The text without white space at its ends. `not_found` where there is no such file.
result<std::string> read_private_file(std::filesystem::path const& file);

// Replaces the file, with mode 0600; it is on the disk when this returns.
result<void> write_private_file(std::filesystem::path const& file, std::string_view text);

// Makes the directory with mode 0700 if it isn't there.
result<void> make_private_directory(std::filesystem::path const& directory);

} // namespace gatehouse::app::client
