#include "core/triggers/change_trigger.hpp"

#include "core/triggers/trigger_schedule.hpp"
#include "protocol/parse_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>

namespace gatehouse::core {

namespace {

constexpr std::size_t ulid_length = 26;

struct kind_members {
    trigger_kind kind;
    bool cron = false;
    bool every_ms = false;
    bool secret = false;
};
constexpr std::array<kind_members, 4> members_of_kinds{
    {{.kind = trigger_kind::cron, .cron = true},
     {.kind = trigger_kind::interval, .every_ms = true},
     {.kind = trigger_kind::heartbeat, .every_ms = true},
     {.kind = trigger_kind::hook, .secret = true}}
};

result<void> check_member(std::string const& path, bool is_there, bool is_needed, trigger_kind kind) {
    if (is_there == is_needed) return {};
    std::string const of_kind(to_string(kind));
    if (is_needed) return fail_param(path, "required", "a trigger of kind " + of_kind + " needs it.");
    return fail_param(path, "unexpected", "a trigger of kind " + of_kind + " has none; leave it out.");
}

result<void> check_members(trigger const& t) {
    auto has = members_of_kinds[static_cast<std::size_t>(t.kind)];
    if (auto fits = check_member("/cron", t.cron.has_value(), has.cron, t.kind); !fits) return fits;
    if (auto fits = check_member("/every_ms", t.every_ms.has_value(), has.every_ms, t.kind); !fits)
        return fits;
    if (auto fits = check_member("/secret", t.secret.has_value(), has.secret, t.kind); !fits) return fits;
    if (t.time_zone && !has.cron) return check_member("/time_zone", true, false, t.kind);
    bool is_blank = t.secret && t.secret->find_first_not_of(" \t\r\n") == std::string::npos;
    if (is_blank) return fail_param("/secret", "pattern", "it is blank; choose one that cannot be guessed.");
    return {};
}

bool looks_like_session_id(std::string const& key) {
    return key.starts_with("ses_") && key.size() == 4 + ulid_length;
}

result<void> check_session(snapshot const& view, trigger const& t) {
    // A key that looks like an id would make a session that is easily taken for another one.
    if (!t.session_key || !looks_like_session_id(*t.session_key)) return {};
    if (view.sessions().find_by_key(t.principal, *t.session_key)) return {};
    return fail_param(
        "/session_key", "unknown", "you have no session with the key '" + *t.session_key + "'."
    );
}

result<void> check_attachments(snapshot const& view, trigger const& t, actor const& who) {
    auto input = parse_own_json(t.input).as_object();
    auto const* attachments = input.if_contains("attachments");
    if (!attachments) return {};
    auto owner = who.sees_all ? std::nullopt : std::optional(who.principal);
    for (std::size_t i = 0; i < attachments->as_array().size(); ++i) {
        std::string id(attachments->as_array()[i].at("artifact_id").as_string());
        if (view.artifacts().find(id, owner)) continue;
        return fail_param(
            "/input/attachments/" + std::to_string(i), "unknown",
            "there is no artifact '" + id + "'; PUT it first."
        );
    }
    return {};
}

result<void> check_references(snapshot const& view, trigger const& t, actor const& who) {
    if (t.agent && !view.agents().find(*t.agent))
        return fail_param("/agent", "unknown", "there is no agent '" + *t.agent + "'.");
    if (auto known = check_session(view, t); !known) return known;
    return check_attachments(view, t, who);
}

bool has_same_times(trigger const& a, trigger const& b) {
    return a.kind == b.kind && a.cron == b.cron && a.time_zone == b.time_zone && a.every_ms == b.every_ms;
}

} // namespace

result<trigger> find_trigger(snapshot const& view, std::string const& name, actor const& who) {
    auto found = view.triggers().find(name);
    if (!found || (found->principal != who.principal && !who.sees_all))
        return fail(errc::not_found, "There is no trigger '" + name + "'.");
    return *found;
}

result<trigger> put_trigger(transaction& tx, trigger wanted, actor const& who) {
    wanted.principal = who.principal;
    if (auto fits = check_members(wanted); !fits) return std::unexpected(fits.error());
    if (auto known = check_references(tx, wanted, who); !known) return std::unexpected(known.error());
    auto schedule = trigger_schedule::make(wanted);
    if (!schedule) return std::unexpected(schedule.error());
    auto next = schedule->next(tx.now(), tx.now());
    if (wanted.cron && !next)
        return fail_param("/cron", "impossible", "'" + *wanted.cron + "' is never due.");
    auto before = tx.triggers().lock(wanted.name);
    if (before && before->principal != who.principal) {
        return fail(
            errc::wrong_state,
            "name: a trigger of another principal is called '" + wanted.name + "'; choose another name."
        );
    }
    bool goes_on = before && before->enabled && has_same_times(*before, wanted);
    if (wanted.enabled) wanted.next_fire_at = goes_on ? before->next_fire_at : next;
    wanted.trigger_id = before ? before->trigger_id : tx.ids().make("trg");
    wanted.revision = before ? before->revision + 1 : 1;
    wanted.created_at = before ? before->created_at : tx.now();
    wanted.updated_at = tx.now();
    if (before) {
        tx.triggers().save(wanted);
    } else if (!tx.triggers().insert_if_new(wanted)) {
        return put_trigger(tx, std::move(wanted), who); // somebody was first, whose trigger is there now
    }
    tx.signals().triggers = true;
    return wanted;
}

result<void> delete_trigger(transaction& tx, std::string const& name, actor const& who) {
    auto found = find_trigger(tx, name, who);
    if (!found) return std::unexpected(found.error());
    tx.triggers().remove(found->trigger_id);
    return {};
}

} // namespace gatehouse::core
