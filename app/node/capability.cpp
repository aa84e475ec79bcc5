#include "app/node/capability.hpp"

#include "protocol/parse_json.hpp"

#include <stdexcept>

namespace gatehouse::app::node {

protocol::capability read_descriptor(std::string_view json) {
    auto const parsed = parse_json(json);
    if (!parsed) throw std::logic_error("a capability's descriptor is not JSON: " + parsed.error().message);
    protocol::capability descriptor;
    decode_json(*parsed, descriptor);
    return descriptor;
}

} // namespace gatehouse::app::node
