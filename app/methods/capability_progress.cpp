#include "protocol/gen/methods/capability_progress.hpp"
#include "app/gen/method_table.hpp"

namespace gatehouse::app {

// Nobody follows the progress of a call yet: it is checked and taken.
method_row make_capability_progress(services const&) {
    return {
        &protocol::capability_progress::descriptor,
        [](boost::json::object const&, caller) -> reply_or_task { return reply_text("null"); }
    };
}

} // namespace gatehouse::app
