#include "protocol/gen/methods/run_start.hpp"
#include "app/dispatch/expose.hpp"
#include "app/methods/check_attachments.hpp"
#include "app/methods/run_slot.hpp"
#include "core/execution/fail_point.hpp"
#include "core/runs/start_run.hpp"
#include "protocol/json_codec.hpp"

#include <memory>

namespace gatehouse::app {
namespace {

using protocol::run_start::params;
using protocol::run_start::reply;

core::run_request make_request(params const& p, caller const& who, core::secret_filter const& secrets) {
    core::run_request wanted;
    wanted.principal = who.principal;
    wanted.sees_all = who.sees_all();
    wanted.session_id = p.session_id;
    wanted.session_key = p.session_key;
    wanted.agent = p.agent;
    wanted.input = protocol::to_json(p.input).as_object();
    secrets.clean(wanted.input);
    wanted.trace_parent = who.trace_parent;
    if (p.deadline_ms) wanted.deadline = std::chrono::milliseconds(*p.deadline_ms);
    return wanted;
}

reply describe_start(core::started_run const& started) {
    reply r{started.value.run_id, started.value.session_id, started.value.state, std::nullopt};
    if (started.blocked)
        r.blocked_by = protocol::blocked_by{started.blocked->run_id, started.blocked->approval_id};
    return r;
}

core::task<reply_text> handle(
    params p, caller who, core::database& db, core::worker& runs, core::run_settings const& settings,
    core::secret_filter const& secrets
) {
    auto slot = std::make_shared<run_slot>(runs, settings);
    auto wanted = make_request(p, who, secrets);
    wanted.claim_for = slot->claim_for();
    auto effect = [p, who, wanted, slot, &settings](core::transaction& tx) -> result<reply> {
        auto known = check_attachments(tx, who, p.input.attachments, "input.attachments");
        if (!known) return std::unexpected(known.error());
        auto started = core::start_run(tx, wanted, settings);
        if (!started) return std::unexpected(started.error());
        slot->keep(*started);
        return describe_start(*started);
    };
    auto text =
        co_await write_once<reply>(db, std::move(who), std::move(effect), &protocol::run_start::encode);
    GATEHOUSE_FAIL_POINT("edge.run_accepted");
    if (text) slot->drive(protocol::run_start::decode_reply(parse_own_json(*text)).run_id);
    co_return text;
}

} // namespace

method_row make_run_start(services const& s) { return expose(s, GATEHOUSE_CODEC(run_start), &handle); }

} // namespace gatehouse::app
