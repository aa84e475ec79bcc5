#include "protocol/gen/methods/rpc_discover.hpp"
#include "app/dispatch/expose.hpp"
#include "protocol/gen/openrpc.hpp"

namespace gatehouse::app {
namespace {

result<protocol::raw_object> handle(protocol::rpc_discover::params, caller const&) {
    return protocol::raw_object{std::string(protocol::openrpc())};
}

} // namespace

method_row make_rpc_discover(services const& s) { return expose(s, GATEHOUSE_CODEC(rpc_discover), &handle); }

} // namespace gatehouse::app
