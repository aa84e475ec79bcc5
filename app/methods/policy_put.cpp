#include "protocol/gen/methods/policy_put.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/policy/put_policy.hpp"
#include "protocol/json_codec.hpp"

namespace gatehouse::app {
namespace {

result<protocol::policy> handle(protocol::policy_put::params p, caller const&, core::transaction& tx) {
    auto stored = core::put_policy(tx, protocol::to_json(p.rules).as_array(), p.version);
    return map_result(std::move(stored), [](core::policy_document const& d) { return describe(d); });
}

} // namespace

method_row make_policy_put(services const& s) { return expose(s, GATEHOUSE_CODEC(policy_put), &handle); }

} // namespace gatehouse::app
