#include "persistence/stores/sql_run_store.hpp"

#include "core/runs/run_machine.hpp"
#include "persistence/record.hpp"
#include "persistence/stores/listed_ids.hpp"
#include "protocol/json_codec.hpp"

#include <algorithm>

#define RUN_COLUMNS                                                                                          \
    "run_id, session_id, principal, agent, purpose, state, input, output, error, input_tokens, "             \
    "output_tokens, "                                                                                        \
    "ordinal, turn, "                                                                                        \
    "attempt, steps, created_at, started_at, finished_at, deadline_at, lease_owner, lease_epoch, tape_seq, " \
    "tape_hash, waiting_on, cancel_reason, claimable_at"
#define STEP_COLUMNS                                                                                         \
    "run_id, ordinal, turn, call_id, tool, state, attempt, idempotency_key, arguments, risk, node, "         \
    "operation_hash, "                                                                                       \
    "approval_id, invocation_id, ok, output, artifacts"
// As SQLite's partial indexes say it, word for word.
#define IS_UNFINISHED "(state = 'accepted' OR state = 'running' OR state = 'waiting')"
#define HAS_ENDED "(state = 'succeeded' OR state = 'failed' OR state = 'cancelled')"

namespace gatehouse::core {

// In the tables only: no peer sees the purpose of a run or the state of a step.
static constexpr std::string_view to_string(run_purpose purpose) {
    switch (purpose) {
    case run_purpose::message:
        return "message";
    case run_purpose::label:
        return "label";
    }
    return {};
}

static constexpr std::string_view to_string(step_state state) {
    switch (state) {
    case step_state::proposed:
        return "proposed";
    case step_state::ready:
        return "ready";
    case step_state::started:
        return "started";
    case step_state::finished:
        return "finished";
    }
    return {};
}

} // namespace gatehouse::core

namespace gatehouse::persistence {
namespace {

using core::run;
using core::step;
using core::tape_item;

using run_record = record<
    run, &run::run_id, &run::session_id, &run::principal, &run::agent, &run::purpose, &run::state,
    &run::input, free_column<&run::output>, &run::error,
    [](auto& r) -> auto& { return r.usage.input_tokens; },
    [](auto& r) -> auto& { return r.usage.output_tokens; }, &run::ordinal, &run::turn, &run::attempt,
    &run::steps, &run::created_at, &run::started_at, &run::finished_at, &run::deadline_at, &run::lease_owner,
    &run::lease_epoch, &run::tape_seq, &run::tape_hash, &run::waiting_on, free_column<&run::cancel_reason>,
    &run::claimable_at>;

using changed_run = record<
    run, &run::state, free_column<&run::output>, &run::error,
    [](auto& r) -> auto& { return r.usage.input_tokens; },
    [](auto& r) -> auto& { return r.usage.output_tokens; }, &run::turn, &run::attempt, &run::steps,
    &run::started_at, &run::finished_at, &run::deadline_at, &run::lease_owner, &run::lease_epoch,
    &run::tape_seq, &run::tape_hash, &run::waiting_on, free_column<&run::cancel_reason>, &run::claimable_at,
    &run::run_id>;

using step_record = record<
    step, &step::run_id, &step::ordinal, &step::turn, &step::call_id, &step::tool, &step::state,
    &step::attempt, &step::idempotency_key, &step::arguments, &step::risk, &step::node, &step::operation_hash,
    &step::approval_id, &step::invocation_id, &step::ok, &step::output, &step::artifacts>;

using changed_step = record<
    step, &step::state, &step::attempt, &step::idempotency_key, &step::node, &step::operation_hash,
    &step::approval_id, &step::invocation_id, &step::ok, &step::output, &step::artifacts, &step::run_id,
    &step::ordinal>;

using tape_record = record<
    tape_item, &tape_item::seq, &tape_item::kind, &tape_item::occurred_at, &tape_item::payload,
    &tape_item::prev_hash, &tape_item::hash>;

using inbox_record = record<
    core::inbox_message, &core::inbox_message::inbox_id, &core::inbox_message::kind,
    &core::inbox_message::payload>;

std::string to_json(std::span<tape_item const> items) {
    std::string out = "[";
    for (tape_item const& each : items) {
        if (out.size() > 1) out += ',';
        out += "{\"seq\":" + std::to_string(each.seq) + ",\"kind\":";
        protocol::append_json(out, std::string_view(each.kind));
        out += ",\"occurred_at\":" + std::to_string(to_ms(each.occurred_at)) + ",\"payload\":";
        protocol::append_json(out, std::string_view(each.payload));
        out += ",\"prev_hash\":\"" + each.prev_hash + "\",\"hash\":\"" + each.hash + "\"}";
    }
    return out += ']';
}

} // namespace

std::optional<run> sql_run_store::find(std::string const& run_id) const {
    return run_record::find(sql_, "SELECT " RUN_COLUMNS " FROM runs WHERE run_id = :run_id", run_id);
}

// The index follows the narrowest condition that is given; what else is given filters.
#define LISTED_RUNS                                                                                          \
    "SELECT " RUN_COLUMNS " FROM runs WHERE (CAST(:principal AS TEXT) IS NULL OR principal = :principal) "   \
    "AND (CAST(:session AS TEXT) IS NULL OR session_id = :session) "                                         \
    "AND (CAST(:agent AS TEXT) IS NULL OR agent = :agent) "                                                  \
    "AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose) "                                            \
    "AND (CAST(:state AS TEXT) IS NULL OR state = :state) AND (CAST(:after AS TEXT) IS NULL OR run_id < "    \
    ":after) "
#define NEWEST_RUNS_FIRST "ORDER BY run_id DESC LIMIT :limit"
std::vector<run> sql_run_store::list(core::run_filter const& f) const {
    static constexpr statement all = LISTED_RUNS NEWEST_RUNS_FIRST;
    static constexpr statement of_session =
        LISTED_RUNS "AND session_id = CAST(:session AS TEXT) " NEWEST_RUNS_FIRST;
    static constexpr statement unfinished =
        LISTED_RUNS "AND " IS_UNFINISHED " AND state = CAST(:state AS TEXT) " NEWEST_RUNS_FIRST;
    static constexpr statement ended =
        LISTED_RUNS "AND " HAS_ENDED " AND state = CAST(:state AS TEXT) " NEWEST_RUNS_FIRST;
    static constexpr statement of_principal =
        LISTED_RUNS "AND principal = CAST(:principal AS TEXT) " NEWEST_RUNS_FIRST;
    auto const& in_state = f.state && core::is_terminal(*f.state) ? ended : unfinished;
    auto const& text = f.session_id ? of_session : f.state ? in_state : f.principal ? of_principal : all;
    return run_record::list(
        sql_, text, f.principal, f.session_id, f.agent, f.purpose, f.state, f.after, f.limit
    );
}

std::map<core::run_state, std::int64_t> sql_run_store::count_by_state() const {
    std::map<core::run_state, std::int64_t> counts;
    for (auto const& [state, count] : sql_.rows<core::run_state, std::int64_t>(
             "SELECT state, count(*) FROM runs WHERE " HAS_ENDED " GROUP BY state UNION ALL "
             "SELECT state, count(*) FROM runs WHERE " IS_UNFINISHED " GROUP BY state"
         )) {
        counts[state] = count;
    }
    return counts;
}

std::map<std::string, std::int64_t> sql_run_store::count_by_owner() const {
    std::map<std::string, std::int64_t> counts;
    for (auto const& [owner, count] :
         sql_.rows<std::string, std::int64_t>("SELECT lease_owner, count(*) FROM runs WHERE " IS_UNFINISHED
                                              " AND lease_owner IS NOT NULL GROUP BY lease_owner")) {
        counts[owner] = count;
    }
    return counts;
}

void sql_run_store::insert(run const& r) {
    run_record::exec_later(
        sql_,
        "INSERT INTO runs (" RUN_COLUMNS
        ") VALUES (:run_id, :session_id, :principal, :agent, :purpose, :state, :input, :output, "
        ":error, :input_tokens, :output_tokens, :ordinal, :turn, :attempt, :steps, :created_at, :started_at, "
        ":finished_at, :deadline_at, :lease_owner, :lease_epoch, :tape_seq, :tape_hash, :waiting_on, "
        ":cancel_reason, "
        ":claimable_at)",
        r
    );
}

std::optional<run> sql_run_store::lock(std::string const& run_id) {
    return run_record::find(
        sql_,
        sql_.either(
            "SELECT " RUN_COLUMNS " FROM runs WHERE run_id = :run_id",
            "SELECT " RUN_COLUMNS " FROM runs WHERE run_id = :run_id FOR UPDATE"
        ),
        run_id
    );
}

std::optional<run> sql_run_store::lock_leased(
    std::string const& session_id, std::string const& run_id, std::int64_t lease_epoch
) {
    return run_record::find(
        sql_,
        sql_.either(
            "SELECT " RUN_COLUMNS " FROM runs WHERE session_id = :session_id AND run_id = :run_id "
            "AND lease_epoch = :epoch",
            // The session's lock is taken before the run is looked for.
            "WITH locked AS MATERIALIZED (SELECT 1 FROM sessions WHERE session_id = :session_id FOR NO KEY "
            "UPDATE) "
            "SELECT " RUN_COLUMNS " FROM runs WHERE EXISTS (SELECT 1 FROM locked) AND run_id = :run_id "
            "AND lease_epoch = :epoch FOR UPDATE"
        ),
        session_id, run_id, lease_epoch
    );
}

void sql_run_store::save(run const& r) {
    changed_run::exec_later(
        sql_,
        "UPDATE runs SET state = :state, output = :output, error = :error, input_tokens = :input_tokens, "
        "output_tokens = :output_tokens, turn = :turn, attempt = :attempt, steps = :steps, started_at = "
        ":started_at, "
        "finished_at = :finished_at, deadline_at = :deadline_at, lease_owner = :lease_owner, "
        "lease_epoch = :lease_epoch, tape_seq = :tape_seq, tape_hash = :tape_hash, waiting_on = :waiting_on, "
        "cancel_reason = :cancel_reason, claimable_at = :claimable_at WHERE run_id = :run_id",
        r
    );
}

timestamp sql_run_store::low_mark::begin() {
    begun = steady::now();
    return begun < next_full_scan ? at : timestamp{};
}

void sql_run_store::low_mark::end(std::optional<timestamp> oldest) {
    using namespace std::chrono_literals;
    if (oldest) at = *oldest - 1s;
    auto const now = steady::now();
    if (begun >= next_full_scan)
        next_full_scan = now + std::clamp<steady::duration>(100 * (now - begun), 5s, 1min);
}

// As the partial indexes of the two queues say it.
#define IS_MESSAGE "purpose = 'message'"
#define IS_BACKGROUND "purpose <> 'message'"
#define DUE(of_queue)                                                                                        \
    "SELECT " RUN_COLUMNS " FROM runs WHERE claimable_at BETWEEN :low AND (SELECT now_ms()) AND " of_queue   \
    " ORDER BY claimable_at LIMIT :limit"
#define AND_LOCKED " FOR UPDATE SKIP LOCKED"
std::vector<run> sql_run_store::claim(std::string const& owner, std::int64_t limit, core::run_queue from) {
    static constexpr statement messages_on_sqlite = DUE(IS_MESSAGE);
    static constexpr statement messages_on_postgres = DUE(IS_MESSAGE) AND_LOCKED;
    static constexpr statement background_on_sqlite = DUE(IS_BACKGROUND);
    static constexpr statement background_on_postgres = DUE(IS_BACKGROUND) AND_LOCKED;
    bool const messages = from == core::run_queue::messages;
    auto& mark = messages ? messages_ : background_;
    auto claimed = run_record::list(
        sql_,
        messages ? sql_.either(messages_on_sqlite, messages_on_postgres)
                 : sql_.either(background_on_sqlite, background_on_postgres),
        mark.begin(), limit
    );
    if (sql_.of().is_postgres()) mark.end(claimed.empty() ? std::nullopt : claimed.front().claimable_at);
    for (run& each : claimed) {
        ++each.lease_epoch;
        each.lease_owner = owner;
        each.claimable_at.reset();
    }
    std::ranges::sort(claimed, {}, &run::run_id);
    return claimed;
}

#define NEXT_CLAIMABLE_AT(low, of_queue)                                                                     \
    "(SELECT claimable_at FROM runs WHERE claimable_at >= " low " AND " of_queue                             \
    " ORDER BY claimable_at LIMIT 1)"
core::claimable_times sql_run_store::next_claimable_at() const {
    auto const [messages, background] = *sql_.row<std::optional<timestamp>, std::optional<timestamp>>(
        "SELECT " NEXT_CLAIMABLE_AT(":messages", IS_MESSAGE) ", " NEXT_CLAIMABLE_AT(
            ":background", IS_BACKGROUND
        ),
        messages_.begin(), background_.begin()
    );
    if (sql_.of().is_postgres()) {
        messages_.end(messages);
        background_.end(background);
    }
    return {messages, background};
}

std::int64_t sql_run_store::release_all_of(std::string const& owner) {
    return sql_.exec(
        "UPDATE runs SET lease_epoch = lease_epoch + 1, lease_owner = NULL, claimable_at = now_ms() "
        "WHERE " IS_UNFINISHED " AND lease_owner = :owner",
        owner
    );
}

#define IS_OWNERLESS                                                                                         \
    "state = 'running' AND lease_owner IS NOT NULL "                                                         \
    "AND NOT EXISTS (SELECT 1 FROM instances WHERE instance_id = lease_owner)"

bool sql_run_store::any_ownerless() const {
    return sql_.row<std::string>("SELECT run_id FROM runs WHERE " IS_OWNERLESS " LIMIT 1").has_value();
}

std::int64_t sql_run_store::release_ownerless() {
    return sql_.exec(
        "UPDATE runs SET lease_epoch = lease_epoch + 1, lease_owner = NULL, claimable_at = now_ms() "
        "WHERE " IS_OWNERLESS
    );
}

std::optional<run> sql_run_store::head_of_session(std::string const& session_id) const {
    return run_record::find(
        sql_,
        "SELECT " RUN_COLUMNS " FROM runs WHERE session_id = :session_id AND ordinal > 0 AND " IS_UNFINISHED
        " ORDER BY ordinal LIMIT 1",
        session_id
    );
}

core::run_store::surroundings sql_run_store::around(run const& r) const {
    auto const [has_inbox, next_run_id] = *sql_.row<bool, std::optional<std::string>>(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM run_inbox WHERE run_inbox.run_id = :run_id) THEN 1 ELSE 0 "
        "END, "
        "(SELECT run_id FROM runs WHERE session_id = :session_id AND run_id <> :run_id AND ordinal > 0 "
        "AND " IS_UNFINISHED " ORDER BY ordinal LIMIT 1)",
        r.run_id, r.session_id
    );
    return {has_inbox, next_run_id};
}

std::int64_t sql_run_store::next_ordinal(std::string const& session_id) const {
    // The first is where nothing was said before: a fork's session has messages, and so has one whose runs
    // were removed.
    return *sql_.row<std::int64_t>(
        "SELECT coalesce(max(ordinal), (SELECT count(*) FROM (SELECT 1 FROM messages "
        "WHERE session_id = :session_id LIMIT 1) AS said)) + 1 "
        "FROM runs WHERE session_id = :session_id AND ordinal > 0",
        session_id
    );
}

std::int64_t sql_run_store::next_background_ordinal(std::string const& session_id) const {
    return *sql_.row<std::int64_t>(
        "SELECT coalesce(min(ordinal), 0) - 1 FROM runs WHERE session_id = :session_id AND ordinal < 0",
        session_id
    );
}

void sql_run_store::append_tape(std::string const& run_id, std::span<tape_item const> items) {
    if (items.empty()) return;
    if (sql_.of().is_postgres()) {
        // One statement for all of them.
        sql_.exec_later(
            "INSERT INTO tape_items (run_id, seq, kind, occurred_at, payload, prev_hash, hash) "
            "SELECT CAST(:run_id AS TEXT), seq, kind, occurred_at, payload, prev_hash, hash FROM "
            "json_to_recordset("
            "CAST(:items AS JSON)) AS item (seq BIGINT, kind TEXT, occurred_at BIGINT, payload TEXT, "
            "prev_hash TEXT, "
            "hash TEXT)",
            run_id, to_json(items)
        );
        return;
    }
    for (tape_item const& each : items) {
        sql_.exec(
            "INSERT INTO tape_items (run_id, seq, kind, occurred_at, payload, prev_hash, hash) "
            "VALUES (:run_id, :seq, :kind, :occurred_at, :payload, :prev_hash, :hash)",
            run_id, each.seq, each.kind, each.occurred_at, each.payload, each.prev_hash, each.hash
        );
    }
}

void sql_run_store::copy_tape(
    std::string const& from_run_id, std::int64_t last_seq, std::string const& to_run_id
) {
    sql_.exec(
        "INSERT INTO tape_items (run_id, seq, kind, occurred_at, payload, prev_hash, hash) "
        "SELECT CAST(:to AS TEXT), seq, kind, occurred_at, payload, prev_hash, hash FROM tape_items "
        "WHERE run_id = :from AND seq <= :last_seq",
        to_run_id, from_run_id, last_seq
    );
}

std::vector<tape_item>
sql_run_store::tape(std::string const& run_id, std::int64_t after_seq, std::int64_t limit) const {
    return tape_record::list(
        sql_,
        "SELECT seq, kind, occurred_at, payload, prev_hash, hash FROM tape_items "
        "WHERE run_id = :run_id AND seq > :after ORDER BY seq LIMIT :limit",
        run_id, after_seq, limit
    );
}

void sql_run_store::add_to_inbox(
    std::string const& run_id, std::string const& kind, core::json_text const& payload
) {
    sql_.exec_later(
        "INSERT INTO run_inbox (run_id, kind, payload) VALUES (:run_id, :kind, :payload)", run_id, kind,
        payload
    );
}

std::vector<core::inbox_message> sql_run_store::take_inbox(std::string const& run_id) {
    auto taken = inbox_record::list(
        sql_, "DELETE FROM run_inbox WHERE run_id = :run_id RETURNING inbox_id, kind, payload", run_id
    );
    std::ranges::sort(taken, {}, &core::inbox_message::inbox_id);
    return taken;
}

bool sql_run_store::has_inbox(std::string const& run_id) const {
    return sql_.row<std::int64_t>("SELECT inbox_id FROM run_inbox WHERE run_id = :run_id LIMIT 1", run_id)
        .has_value();
}

#define WITH_NEWS(is_listed)                                                                                 \
    "SELECT run_id FROM run_inbox WHERE run_id" is_listed                                                    \
    "UNION SELECT run_id FROM runs WHERE run_id" is_listed "AND cancel_reason IS NOT NULL"
std::vector<std::string> sql_run_store::with_news(std::vector<std::string> const& run_ids) const {
    if (run_ids.empty()) return {};
    return sql_.rows<std::string>(
        sql_.either(WITH_NEWS(IS_LISTED_SQLITE), WITH_NEWS(IS_LISTED_POSTGRES)), run_ids
    );
}

void sql_run_store::insert_step(step const& s) {
    step_record::exec_later(
        sql_,
        "INSERT INTO steps (" STEP_COLUMNS
        ") VALUES (:run_id, :ordinal, :turn, :call_id, :tool, :state, :attempt, "
        ":idempotency_key, :arguments, :risk, :node, :operation_hash, :approval_id, :invocation_id, :ok, "
        ":output, "
        ":artifacts)",
        s
    );
}

void sql_run_store::save_step(step const& s) {
    changed_step::exec_later(
        sql_,
        "UPDATE steps SET state = :state, attempt = :attempt, idempotency_key = :idempotency_key, node = "
        ":node, "
        "operation_hash = :operation_hash, approval_id = :approval_id, invocation_id = :invocation_id, ok = "
        ":ok, "
        "output = :output, artifacts = :artifacts WHERE run_id = :run_id AND ordinal = :ordinal",
        s
    );
}

std::optional<step> sql_run_store::find_step(std::string const& run_id, std::int64_t ordinal) const {
    return step_record::find(
        sql_, "SELECT " STEP_COLUMNS " FROM steps WHERE run_id = :run_id AND ordinal = :ordinal", run_id,
        ordinal
    );
}

std::vector<step> sql_run_store::steps_of_turn(std::string const& run_id, std::int64_t turn) const {
    return step_record::list(
        sql_, "SELECT " STEP_COLUMNS " FROM steps WHERE run_id = :run_id AND turn = :turn ORDER BY ordinal",
        run_id, turn
    );
}

} // namespace gatehouse::persistence
