#pragma once
// All that a compiled schema needs at run time.

#include "protocol/json_schema/node.hpp"
#include "protocol/json_schema/schema.hpp"

#include <deque>
#include <utility>
#include <vector>

namespace gatehouse::json_schema {

class program {
  public:
    std::deque<node> nodes; // a deque, so that nodes keep their addresses while it grows
    node const* root = nullptr;
    // By number of the resource: which dynamic anchors (by number of their name) it has, and where.
    std::vector<std::vector<std::pair<std::size_t, node const*>>> dynamic_anchors;
    std::size_t depth_max = 0;
    std::size_t steps_max = 0;
};

} // namespace gatehouse::json_schema
