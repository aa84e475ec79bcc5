#include "protocol/gen/methods/run_start.hpp"
#include "app/dispatch/expose.hpp"
#include "core/execution/fail_point.hpp"
#include "core/runs/start_run.hpp"
#include "protocol/json_codec.hpp"

#include <memory>

namespace gatehouse::app {
namespace {

using protocol::run_start::params;
using protocol::run_start::reply;

// A free slot of this process's worker, held while a run is accepted. Given back unless a run takes it.
class reserved_slot {
  public:
    explicit reserved_slot(core::worker& of) : worker_(of), held_(of.try_reserve_slot()) {}
    reserved_slot(reserved_slot const&) = delete;
    reserved_slot& operator=(reserved_slot const&) = delete;
    ~reserved_slot() {
        if (held_) worker_.release_slot();
    }

    bool is_held() const { return held_; }
    void give_to(core::run_lease lease, core::run_action first) {
        held_ = false;
        worker_.adopt(std::move(lease), std::move(first));
    }

  private:
    core::worker& worker_;
    bool held_;
};

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

result<void> check_attachments(core::transaction& tx, params const& p, caller const& who) {
    if (!p.input.attachments) return {};
    auto owner = who.sees_all() ? std::nullopt : std::optional(who.principal);
    for (auto const& each : *p.input.attachments) {
        if (!tx.artifacts().find(each.artifact_id, owner)) {
            return fail(
                errc::not_found,
                "input.attachments: there is no artifact '" + each.artifact_id + "'; PUT it first."
            );
        }
    }
    return {};
}

reply describe_start(core::started_run const& started) {
    reply r{started.value.run_id, started.value.session_id, started.value.state, std::nullopt};
    if (started.blocked)
        r.blocked_by = protocol::blocked_by{started.blocked->run_id, started.blocked->approval_id};
    return r;
}

// The run is claimed with its acceptance where this process has a slot free, and its first turn begins there,
// which saves two commits and the way through the queue. The unit may run more than once, and a stored reply
// may stand in for it: only the run that the reply names was claimed.
core::task<reply_text> handle(
    params p, caller who, core::database& db, core::worker& runs, core::run_settings const& settings,
    core::secret_filter const& secrets
) {
    reserved_slot slot(runs);
    auto wanted = make_request(p, who, secrets);
    if (slot.is_held()) wanted.claim_for = settings.instance_id;
    struct claim {
        core::run_lease lease;
        core::run_action first;
    };
    auto claimed = std::make_shared<std::optional<claim>>();
    auto effect = [p, who, wanted, claimed, &settings](core::transaction& tx) -> result<reply> {
        claimed->reset();
        if (auto known = check_attachments(tx, p, who); !known) return std::unexpected(known.error());
        auto started = core::start_run(tx, wanted, settings);
        if (!started) return std::unexpected(started.error());
        auto const& r = started->value;
        if (started->first)
            *claimed = claim{{r.run_id, r.session_id, r.lease_epoch}, std::move(*started->first)};
        return describe_start(*started);
    };
    auto text =
        co_await write_once<reply>(db, std::move(who), std::move(effect), &protocol::run_start::encode);
    GATEHOUSE_FAIL_POINT("edge.run_accepted");
    if (text && *claimed) {
        auto accepted = protocol::run_start::decode_reply(parse_own_json(*text));
        if (accepted.run_id == (*claimed)->lease.run_id)
            slot.give_to(std::move((*claimed)->lease), std::move((*claimed)->first));
    }
    co_return text;
}

} // namespace

method_row make_run_start(services const& s) { return expose(s, GATEHOUSE_CODEC(run_start), &handle); }

} // namespace gatehouse::app
