#pragma once
#include "protocol/error.hpp"
#include "protocol/gen/types/capability.hpp"

#include <vector>

namespace gatehouse::core {

// What a node says it offers, beyond its shape: each id and each operation's name stands once, each schema
// compiles, and no operation has an argument `node`, which is the gateway's. invalid_params with the path.
// Any thread.
result<void> check_capabilities(std::vector<protocol::capability> const& capabilities);

} // namespace gatehouse::core
