#pragma once
// process.run: a program with its arguments, without a shell in between.
#include "app/net/io_loop.hpp"
#include "app/node/capability.hpp"

#include <string>

namespace gatehouse::app::node {

// Programs start in `root` or a directory below it. They are not confined to it: what a program may do is
// decided by who lets it run. Throws std::runtime_error with a sentence where `root` can't be opened.
std::unique_ptr<capability> make_process_capability(net::io_loop& loop, std::string const& root);

} // namespace gatehouse::app::node
