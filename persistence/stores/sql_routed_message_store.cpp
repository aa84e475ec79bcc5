#include "persistence/stores/sql_routed_message_store.hpp"

#include "persistence/record.hpp"
#include "persistence/stores/delete_oldest.hpp"

#define ROUTED_MESSAGE_COLUMNS                                                                               \
    "principal, channel, message_id, session_id, run_id, blocked_by_run, blocked_by_approval, received_at"

namespace gatehouse::persistence {
namespace {

using core::routed_message;

using routed_message_record = record<
    routed_message, &routed_message::principal, &routed_message::channel, &routed_message::message_id,
    &routed_message::session_id, &routed_message::run_id, &routed_message::blocked_by_run,
    &routed_message::blocked_by_approval, &routed_message::received_at>;

} // namespace

std::optional<routed_message> sql_routed_message_store::insert_or_find(routed_message const& m) {
    auto const inserted = routed_message_record::exec(
        sql_,
        "INSERT INTO routed_messages (" ROUTED_MESSAGE_COLUMNS
        ") VALUES (:principal, :channel, :message_id, :session_id, :run_id, :blocked_by_run, "
        ":blocked_by_approval, :received_at) ON CONFLICT DO NOTHING",
        m
    );
    if (inserted == 1) return std::nullopt;
    // In a statement of its own: the one above waited for another transaction, and its snapshot is older than
    // what that one wrote.
    auto found = routed_message_record::find(
        sql_,
        "SELECT " ROUTED_MESSAGE_COLUMNS
        " FROM routed_messages WHERE principal = :principal AND channel = :channel AND message_id = "
        ":message_id",
        m.principal, m.channel, m.message_id
    );
    if (!found) throw serialization_retry("the message was removed at this moment");
    return found;
}

void sql_routed_message_store::save(routed_message const& m) {
    using outcome = record<
        routed_message, &routed_message::session_id, &routed_message::run_id, &routed_message::blocked_by_run,
        &routed_message::blocked_by_approval, &routed_message::principal, &routed_message::channel,
        &routed_message::message_id>;
    outcome::exec(
        sql_,
        "UPDATE routed_messages SET session_id = :session_id, run_id = :run_id, blocked_by_run = "
        ":blocked_by_run, blocked_by_approval = :blocked_by_approval WHERE principal = :principal AND "
        "channel = :channel AND message_id = :message_id",
        m
    );
}

std::int64_t sql_routed_message_store::remove_before(timestamp before, std::int64_t limit) {
    return sql_.exec(
        DELETE_OLDEST("routed_messages", "principal, channel, message_id", "received_at"), before, limit
    );
}

} // namespace gatehouse::persistence
