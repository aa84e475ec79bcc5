#pragma once
// files.read, files.list and files.write below one directory.
#include "app/node/capability.hpp"

#include <string>

namespace gatehouse::app::node {

// Throws std::runtime_error with a sentence where `root` can't be opened.
std::unique_ptr<capability> make_files_capability(std::string const& root);

} // namespace gatehouse::app::node
