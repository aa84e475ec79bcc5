#include "persistence/stores/sql_approval_store.hpp"

#include "persistence/record.hpp"

#define APPROVAL_COLUMNS                                                                                     \
    "approval_id, kind, principal, agent, run_id, step_ordinal, state, subject, subject_hash, risk, "        \
    "requested_at, "                                                                                         \
    "expires_at, decision, decided_by, reason, decided_at, used, call_key"

namespace gatehouse::persistence {
namespace {

using core::approval;

using approval_record = record<
    approval, &approval::approval_id, &approval::kind, &approval::principal, &approval::agent,
    &approval::run_id, &approval::step_ordinal, &approval::state, &approval::subject, &approval::subject_hash,
    &approval::risk, &approval::requested_at, &approval::expires_at, &approval::decision,
    &approval::decided_by, free_column<&approval::reason>, &approval::decided_at, &approval::used,
    &approval::call_key>;

} // namespace

std::optional<approval> sql_approval_store::find(std::string const& approval_id) const {
    return approval_record::find(
        sql_, "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE approval_id = :approval_id", approval_id
    );
}

#define LISTED_APPROVALS                                                                                     \
    "SELECT " APPROVAL_COLUMNS                                                                               \
    " FROM approvals WHERE (CAST(:principal AS TEXT) IS NULL OR principal = :principal) "                    \
    "AND (CAST(:state AS TEXT) IS NULL OR state = :state) AND (CAST(:after AS TEXT) IS NULL OR approval_id " \
    "> :after) "
std::vector<approval> sql_approval_store::list(core::approval_filter const& f) const {
    static constexpr statement all = LISTED_APPROVALS "ORDER BY approval_id LIMIT :limit";
    static constexpr statement in_state =
        LISTED_APPROVALS "AND state = CAST(:state AS TEXT) ORDER BY approval_id LIMIT :limit";
    return approval_record::list(sql_, f.state ? in_state : all, f.principal, f.state, f.after, f.limit);
}

std::vector<approval> sql_approval_store::pending_of_run(std::string const& run_id) const {
    return approval_record::list(
        sql_,
        "SELECT " APPROVAL_COLUMNS
        " FROM approvals WHERE run_id = :run_id AND state = 'pending' ORDER BY approval_id",
        run_id
    );
}

std::optional<approval> sql_approval_store::find_unused_by_subject(
    std::string const& principal, std::string const& subject_hash, std::optional<std::string> const& call_key
) const {
    return approval_record::find(
        sql_,
        "SELECT " APPROVAL_COLUMNS
        " FROM approvals WHERE principal = :principal AND subject_hash = :subject_hash "
        "AND run_id IS NULL AND coalesce(call_key, '') = coalesce(CAST(:call_key AS TEXT), '') "
        "AND state IN ('pending', 'approved', 'denied') AND used = 0 "
        "ORDER BY CASE state WHEN 'approved' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, approval_id LIMIT 1",
        principal, subject_hash, call_key
    );
}

void sql_approval_store::insert(approval const& a) {
    approval_record::exec(
        sql_,
        "INSERT INTO approvals (" APPROVAL_COLUMNS
        ") VALUES (:approval_id, :kind, :principal, :agent, :run_id, "
        ":step_ordinal, :state, :subject, :subject_hash, :risk, :requested_at, :expires_at, :decision, "
        ":decided_by, "
        ":reason, :decided_at, :used, :call_key)",
        a
    );
}

std::optional<core::approval_store::locked> sql_approval_store::lock(std::string const& approval_id) {
    auto found = approval_record::find(
        sql_,
        sql_.either(
            "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE approval_id = :approval_id",
            "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE approval_id = :approval_id FOR UPDATE"
        ),
        approval_id
    );
    if (!found) return std::nullopt;
    auto const expired = sql_.row<bool>(
        "SELECT CASE WHEN expires_at <= now_ms() THEN 1 ELSE 0 END FROM approvals WHERE approval_id = "
        ":approval_id",
        approval_id
    );
    return locked{std::move(*found), *expired};
}

void sql_approval_store::save(approval const& a) {
    using changed = record<
        approval, &approval::state, &approval::decision, &approval::decided_by,
        free_column<&approval::reason>, &approval::decided_at, &approval::used, &approval::approval_id>;
    changed::exec(
        sql_,
        "UPDATE approvals SET state = :state, decision = :decision, decided_by = :decided_by, reason = "
        ":reason, "
        "decided_at = :decided_at, used = :used WHERE approval_id = :approval_id",
        a
    );
}

std::vector<approval> sql_approval_store::lock_expired_without_run(std::int64_t limit) {
    return approval_record::list(
        sql_,
        sql_.either(
            "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE state = 'pending' AND run_id IS NULL "
            "AND expires_at <= (SELECT now_ms()) ORDER BY approval_id LIMIT :limit",
            "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE state = 'pending' AND run_id IS NULL "
            "AND expires_at <= (SELECT now_ms()) ORDER BY approval_id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        limit
    );
}

} // namespace gatehouse::persistence
