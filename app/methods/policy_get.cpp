#include "protocol/gen/methods/policy_get.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"

namespace gatehouse::app {
namespace {

result<protocol::policy> handle(protocol::policy_get::params, caller const&, core::snapshot& view) {
    return describe(view.policies().get());
}

} // namespace

method_row make_policy_get(services const& s) { return expose(s, GATEHOUSE_CODEC(policy_get), &handle); }

} // namespace gatehouse::app
