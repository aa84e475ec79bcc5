#include "protocol/gen/methods/trigger_put.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/describe.hpp"
#include "core/secrets/secret_filter.hpp"
#include "core/triggers/change_trigger.hpp"
#include "protocol/json_codec.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::app {
namespace {

// Secrets that this process knows, and the hook's own, stand in no input.
std::string clean_input(protocol::trigger_put::params const& p, core::secret_filter const& known_secrets) {
    auto input = protocol::to_json(p.input).as_object();
    known_secrets.clean(input);
    if (p.secret) core::secret_filter({*p.secret}).clean(input);
    return boost::json::serialize(input);
}

result<protocol::trigger> handle(
    protocol::trigger_put::params p, caller const& who, core::transaction& tx,
    core::secret_filter const& known_secrets
) {
    core::trigger wanted;
    wanted.name = p.name;
    wanted.kind = p.kind;
    wanted.cron = p.cron;
    wanted.time_zone = p.time_zone;
    wanted.every_ms = p.every_ms;
    wanted.session_key = p.session_key;
    wanted.agent = p.agent;
    wanted.input = clean_input(p, known_secrets);
    wanted.enabled = p.enabled;
    wanted.missed = p.missed;
    wanted.secret = p.secret;
    return map_result(core::put_trigger(tx, std::move(wanted), who.actor()), [](core::trigger const& t) {
        return describe(t);
    });
}

} // namespace

method_row make_trigger_put(services const& s) { return expose(s, GATEHOUSE_CODEC(trigger_put), &handle); }

} // namespace gatehouse::app
