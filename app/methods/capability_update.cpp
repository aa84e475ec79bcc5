#include "protocol/gen/methods/capability_update.hpp"
#include "app/dispatch/expose.hpp"
#include "core/nodes/check_capabilities.hpp"
#include "core/nodes/connect_node.hpp"
#include "protocol/json_codec.hpp"

namespace gatehouse::app {
namespace {

result<protocol::capability_update::reply>
handle(protocol::capability_update::params p, caller const& who, core::transaction& tx) {
    if (auto usable = core::check_capabilities(p.capabilities); !usable)
        return std::unexpected(usable.error());
    auto taken =
        core::update_capabilities(tx, who.device_id.value_or(""), protocol::to_json_text(p.capabilities));
    if (!taken) return std::unexpected(taken.error());
    return protocol::capability_update::reply{};
}

} // namespace

method_row make_capability_update(services const& s) {
    return expose(s, GATEHOUSE_CODEC(capability_update), &handle);
}

} // namespace gatehouse::app
