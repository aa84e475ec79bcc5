#include "protocol/gen/methods/ping.hpp"
#include "app/dispatch/expose.hpp"

namespace gatehouse::app {
namespace {

result<protocol::ping::reply> handle(protocol::ping::params, caller const&, core::clock const& time) {
    return protocol::ping::reply{time.now()};
}

} // namespace

method_row make_ping(services const& s) { return expose(s, GATEHOUSE_CODEC(ping), &handle); }

} // namespace gatehouse::app
