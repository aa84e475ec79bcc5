#include "protocol/gen/methods/message_route.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/check_attachments.hpp"
#include "app/methods/run_slot.hpp"
#include "core/channels/route_message.hpp"
#include "core/execution/fail_point.hpp"
#include "protocol/gen/types/input_message.hpp"
#include "protocol/json_codec.hpp"

#include <memory>

namespace gatehouse::app {
namespace {

using protocol::message_route::params;
using protocol::message_route::reply;

core::inbound_message make_message(params const& p, caller const& who, core::secret_filter const& secrets) {
    core::inbound_message m;
    m.principal = who.principal;
    m.channel = p.channel;
    m.conversation = p.conversation;
    m.sender = p.sender;
    m.message_id = p.message_id;
    m.input = protocol::to_json(protocol::input_message{p.text, p.attachments}).as_object();
    secrets.clean(m.input);
    m.trace_parent = who.trace_parent;
    return m;
}

reply describe_routing(core::routed_message const& m) {
    reply r{true, m.session_id, m.run_id, std::nullopt};
    if (m.blocked_by_run) r.blocked_by = protocol::blocked_by{*m.blocked_by_run, m.blocked_by_approval};
    return r;
}

core::task<reply_text> handle(
    params p, caller who, core::database& db, core::worker& runs, core::run_settings const& settings,
    core::secret_filter const& secrets
) {
    auto slot = std::make_shared<run_slot>(runs, settings);
    auto message = make_message(p, who, secrets);
    message.claim_for = slot->claim_for();
    auto effect = [p, who, message, slot, &settings](core::transaction& tx) -> result<reply> {
        auto known = check_attachments(tx, who, p.attachments, "attachments");
        if (!known) return std::unexpected(known.error());
        auto routed = core::route_message(tx, message, settings);
        if (!routed) return std::unexpected(routed.error());
        if (routed->started) slot->keep(*routed->started);
        return describe_routing(routed->value);
    };
    auto text =
        co_await write_once<reply>(db, std::move(who), std::move(effect), &protocol::message_route::encode);
    GATEHOUSE_FAIL_POINT("edge.message_accepted");
    if (text) slot->drive(protocol::message_route::decode_reply(parse_own_json(*text)).run_id);
    co_return text;
}

} // namespace

method_row make_message_route(services const& s) {
    return expose(s, GATEHOUSE_CODEC(message_route), &handle);
}

} // namespace gatehouse::app
