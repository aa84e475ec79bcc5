#include "persistence/stores/sql_trigger_store.hpp"

#include "persistence/record.hpp"

#define TRIGGER_COLUMNS                                                                                      \
    "trigger_id, name, principal, kind, cron, time_zone, every_ms, session_key, agent, input, enabled, "     \
    "missed, secret, revision, next_fire_at, created_at, updated_at"
#define FIRING_COLUMNS "trigger_id, slot, due_at, state, fired_at, run_id, reason"

namespace gatehouse::persistence {
namespace {

using core::trigger;
using core::trigger_firing;

using trigger_record = record<
    trigger, &trigger::trigger_id, &trigger::name, &trigger::principal, &trigger::kind, &trigger::cron,
    &trigger::time_zone, &trigger::every_ms, free_column<&trigger::session_key>, &trigger::agent,
    &trigger::input, &trigger::enabled, &trigger::missed, free_column<&trigger::secret>, &trigger::revision,
    &trigger::next_fire_at, &trigger::created_at, &trigger::updated_at>;

using firing_record = record<
    trigger_firing, &trigger_firing::trigger_id, &trigger_firing::slot, &trigger_firing::due_at,
    &trigger_firing::state, &trigger_firing::fired_at, &trigger_firing::run_id,
    free_column<&trigger_firing::reason>>;

} // namespace

std::optional<trigger> sql_trigger_store::find(std::string const& name) const {
    return trigger_record::find(sql_, "SELECT " TRIGGER_COLUMNS " FROM triggers WHERE name = :name", name);
}

std::vector<trigger> sql_trigger_store::list(core::trigger_filter const& filter) const {
    return trigger_record::list(
        sql_,
        "SELECT " TRIGGER_COLUMNS
        " FROM triggers WHERE (CAST(:principal AS TEXT) IS NULL OR principal = :principal) "
        "AND (CAST(:after AS TEXT) IS NULL OR name > :after) ORDER BY name LIMIT :limit",
        filter.principal, filter.after, filter.limit
    );
}

std::vector<trigger> sql_trigger_store::due(std::int64_t limit) const {
    return trigger_record::list(
        sql_,
        "SELECT " TRIGGER_COLUMNS
        " FROM triggers WHERE next_fire_at <= (SELECT now_ms()) ORDER BY next_fire_at LIMIT :limit",
        limit
    );
}

std::optional<std::chrono::milliseconds> sql_trigger_store::time_to_next() const {
    auto ms = *sql_.row<std::optional<std::int64_t>>(
        "SELECT (SELECT min(next_fire_at) FROM triggers WHERE next_fire_at IS NOT NULL) - now_ms()"
    );
    return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
}

std::optional<trigger> sql_trigger_store::lock(std::string const& name) {
    return trigger_record::find(
        sql_,
        sql_.either(
            "SELECT " TRIGGER_COLUMNS " FROM triggers WHERE name = :name",
            "SELECT " TRIGGER_COLUMNS " FROM triggers WHERE name = :name FOR UPDATE"
        ),
        name
    );
}

bool sql_trigger_store::insert_if_new(trigger const& t) {
    return trigger_record::exec(
               sql_,
               "INSERT INTO triggers (" TRIGGER_COLUMNS
               ") VALUES (:trigger_id, :name, :principal, :kind, :cron, :time_zone, :every_ms, :session_key, "
               ":agent, :input, :enabled, :missed, :secret, :revision, :next_fire_at, :created_at, "
               ":updated_at) ON CONFLICT (name) DO NOTHING",
               t
           ) == 1;
}

void sql_trigger_store::save(trigger const& t) {
    using changed = record<
        trigger, &trigger::kind, &trigger::cron, &trigger::time_zone, &trigger::every_ms,
        free_column<&trigger::session_key>, &trigger::agent, &trigger::input, &trigger::enabled,
        &trigger::missed, free_column<&trigger::secret>, &trigger::revision, &trigger::next_fire_at,
        &trigger::updated_at, &trigger::trigger_id>;
    changed::exec(
        sql_,
        "UPDATE triggers SET kind = :kind, cron = :cron, time_zone = :time_zone, every_ms = :every_ms, "
        "session_key = :session_key, agent = :agent, input = :input, enabled = :enabled, missed = :missed, "
        "secret = :secret, revision = :revision, next_fire_at = :next_fire_at, updated_at = :updated_at "
        "WHERE trigger_id = :trigger_id",
        t
    );
}

void sql_trigger_store::remove(std::string const& trigger_id) {
    sql_.exec("DELETE FROM triggers WHERE trigger_id = :trigger_id", trigger_id);
}

bool sql_trigger_store::move_on(trigger const& seen, std::optional<timestamp> next_fire_at) {
    return sql_.exec(
               "UPDATE triggers SET next_fire_at = :next WHERE trigger_id = :trigger_id "
               "AND revision = :revision AND next_fire_at = :slot",
               next_fire_at, seen.trigger_id, seen.revision, seen.next_fire_at
           ) == 1;
}

bool sql_trigger_store::insert_firing_if_new(trigger_firing const& f) {
    return firing_record::exec(
               sql_,
               "INSERT INTO trigger_firings (" FIRING_COLUMNS
               ") VALUES (:trigger_id, :slot, :due_at, :state, :fired_at, :run_id, :reason) "
               "ON CONFLICT (trigger_id, slot) DO NOTHING",
               f
           ) == 1;
}

void sql_trigger_store::save_firing(trigger_firing const& f) {
    using changed = record<
        trigger_firing, &trigger_firing::state, &trigger_firing::fired_at, &trigger_firing::run_id,
        free_column<&trigger_firing::reason>, &trigger_firing::trigger_id, &trigger_firing::slot>;
    changed::exec(
        sql_,
        "UPDATE trigger_firings SET state = :state, fired_at = :fired_at, run_id = :run_id, reason = :reason "
        "WHERE trigger_id = :trigger_id AND slot = :slot",
        f
    );
}

std::optional<trigger_firing>
sql_trigger_store::find_firing(std::string const& trigger_id, std::string const& slot) const {
    return firing_record::find(
        sql_,
        "SELECT " FIRING_COLUMNS " FROM trigger_firings WHERE trigger_id = :trigger_id AND slot = :slot",
        trigger_id, slot
    );
}

std::vector<trigger_firing> sql_trigger_store::firings(
    std::string const& trigger_id, std::optional<std::string> const& after, std::int64_t limit
) const {
    return firing_record::list(
        sql_,
        "SELECT " FIRING_COLUMNS
        " FROM trigger_firings WHERE trigger_id = :trigger_id AND (CAST(:after AS TEXT) IS NULL OR "
        "(due_at, slot) < (SELECT f.due_at, f.slot FROM trigger_firings f WHERE f.trigger_id = :trigger_id "
        "AND f.slot = :after)) ORDER BY due_at DESC, slot DESC LIMIT :limit",
        trigger_id, after, limit
    );
}

} // namespace gatehouse::persistence
