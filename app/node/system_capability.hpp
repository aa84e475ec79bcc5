#pragma once
// system.info: what machine this is.
#include "app/node/capability.hpp"

namespace gatehouse::app::node {

std::unique_ptr<capability> make_system_capability();

} // namespace gatehouse::app::node
