#include "core/triggers/fire_trigger.hpp"

#include "core/events/make_event.hpp"
#include "core/runs/start_run.hpp"
#include "core/triggers/change_trigger.hpp"
#include "core/triggers/trigger_schedule.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

// Rows for slots that passed in one outage.
constexpr std::size_t missed_max = 1'000;
// Late slots of one transaction; the trigger stays due while there are more.
constexpr std::size_t late_max = 16;
// A trigger whose times cannot be read any more (its zone was renamed) fails once in this time.
constexpr std::chrono::hours unreadable_pause{1};

std::string session_key_of(trigger const& t) { return t.session_key.value_or("trigger:" + t.name); }

run_request request_of(trigger const& t, std::optional<json::object> hook) {
    run_request wanted;
    wanted.principal = t.principal;
    wanted.session_key = session_key_of(t);
    wanted.agent = t.agent;
    wanted.input = parse_own_json(t.input).as_object();
    if (hook) wanted.input["hook"] = std::move(*hook);
    return wanted;
}

void publish(transaction& tx, trigger const& t, trigger_firing const& f) {
    json::object payload{{"name", t.name}, {"slot", f.slot}};
    if (f.run_id) payload["run_id"] = *f.run_id;
    if (f.reason) payload["reason"] = *f.reason;
    auto e = make_shared_event(tx, "triggers", "trigger." + std::string(to_string(f.state)), payload);
    e.principal = t.principal;
    tx.publish(std::move(e));
}

trigger_firing make_firing(trigger const& t, due_slot const& slot) {
    trigger_firing f;
    f.trigger_id = t.trigger_id;
    f.slot = slot.name;
    f.due_at = slot.due_at;
    return f;
}

// A slot without a run.
void record(transaction& tx, trigger const& t, timestamp due_at, firing_state state, std::string reason) {
    auto f = make_firing(t, {format_timestamp(due_at), due_at, {}});
    f.state = state;
    f.reason = std::move(reason);
    if (tx.triggers().insert_firing_if_new(f)) publish(tx, t, f);
}

bool session_is_at_work(transaction& tx, trigger const& t) {
    auto in = tx.sessions().find_by_key(t.principal, session_key_of(t));
    return in && tx.sessions().lock(in->session_id) && tx.runs().head_of_session(in->session_id);
}

void fire_instant(transaction& tx, trigger const& t, timestamp due_at, run_settings const& settings) {
    if (t.kind == trigger_kind::heartbeat && session_is_at_work(tx, t)) {
        record(tx, t, due_at, firing_state::missed, "Its session was at work.");
        return;
    }
    fire_slot(tx, t, {format_timestamp(due_at), due_at, {}}, settings);
}

result<void> leave_slot(transaction& tx, trigger const& seen, std::optional<timestamp> next) {
    if (tx.triggers().move_on(seen, next)) return {};
    return fail(errc::wrong_state, "The trigger changed, or somebody else fired it.");
}

} // namespace

std::optional<trigger_firing>
fire_slot(transaction& tx, trigger const& t, due_slot slot, run_settings const& settings) {
    auto f = make_firing(t, slot);
    f.fired_at = tx.now();
    if (!tx.triggers().insert_firing_if_new(f)) return std::nullopt;
    if (auto started = start_run(tx, request_of(t, std::move(slot.hook)), settings)) {
        f.run_id = started->value.run_id;
    } else {
        f.state = firing_state::failed;
        f.fired_at.reset();
        f.reason = started.error().message;
    }
    tx.triggers().save_firing(f);
    publish(tx, t, f);
    return f;
}

result<void>
fire_due(transaction& tx, trigger const& seen, watch const& watched, run_settings const& settings) {
    auto first = *seen.next_fire_at;
    auto schedule = trigger_schedule::make(seen);
    if (!schedule) {
        record(tx, seen, first, firing_state::failed, schedule.error().message);
        return leave_slot(tx, seen, watched.now + unreadable_pause);
    }
    auto outage_end = std::min(watched.now, watched.since - std::chrono::milliseconds(1));
    auto passed = schedule->newest(first, outage_end, missed_max);
    auto next = passed.empty() ? std::optional(first) : schedule->next(passed.back(), first);
    std::vector<timestamp> late;
    for (; next && *next <= watched.now && late.size() < late_max; next = schedule->next(*next, first))
        late.push_back(*next);
    if (late.empty() && !passed.empty() && seen.missed == missed_policy::run_once) {
        late.push_back(passed.back());
        passed.pop_back();
    }
    for (auto slot : passed) record(tx, seen, slot, firing_state::missed, "No scheduler was running.");
    for (auto slot : late) fire_instant(tx, seen, slot, settings);
    return leave_slot(tx, seen, next);
}

result<trigger_firing>
fire_by_hand(transaction& tx, std::string const& name, actor const& who, run_settings const& settings) {
    auto t = find_trigger(tx, name, who);
    if (!t) return std::unexpected(t.error());
    std::optional<trigger_firing> fired;
    // Two calls within a millisecond are two slots.
    for (auto slot = tx.now(); !fired; slot += std::chrono::milliseconds(1))
        fired = fire_slot(tx, *t, {format_timestamp(slot), slot, {}}, settings);
    if (fired->state == firing_state::failed)
        return fail(errc::wrong_state, "The run cannot be started: " + *fired->reason);
    return *fired;
}

} // namespace gatehouse::core
