#include "protocol/gen/methods/connect.hpp"
#include "app/gen/method_table.hpp"

namespace gatehouse::app {

// The connection answers `connect` itself (app/sessions/handshake.cpp); what comes here comes too late.
method_row make_connect(services const&) {
    return {&protocol::connect::descriptor, [](boost::json::object const&, caller) -> reply_or_task {
                return reply_text(fail(
                    errc::invalid_request, "connect is the first request of a connection, and the only one."
                ));
            }};
}

} // namespace gatehouse::app
