#include "persistence/stores/sql_event_log.hpp"

#include "persistence/record.hpp"

namespace gatehouse::persistence {
namespace {

using core::log_epoch;
using epoch_record = record<log_epoch, &log_epoch::epoch, &log_epoch::first_seq>;

// What is known of the log as a whole, beside each event. SQLite would copy a subquery that has a limit.
#define LOG_AND_EVENTS                                                                                       \
    "SELECT CAST(m.value AS BIGINT), l.epoch, l.first_seq, e.seq, e.event_id, e.topic, e.category, "         \
    "e.session_id, e.principal, e.type, e.occurred_at, e.payload FROM meta m "

} // namespace

core::event_log::page sql_event_log::read(std::int64_t after, std::int64_t limit) const {
    page found;
    using text = std::optional<std::string>;
    using number = std::optional<std::int64_t>;
    sql_.each<
        std::int64_t, std::int64_t, std::int64_t, number, text, text, text, text, text, text,
        std::optional<timestamp>, text>(
        [&](std::int64_t&& oldest, std::int64_t&& epoch, std::int64_t&& first_seq, number&& seq,
            text&& event_id, text&& topic, text&& category, text&& session_id, text&& principal, text&& type,
            std::optional<timestamp>&& occurred_at, text&& payload) {
            found.oldest_seq = oldest;
            found.epoch = {epoch, first_seq};
            if (!seq) return; // the row that only tells of the log itself
            found.events.push_back(
                {*seq,
                 {.event_id = std::move(*event_id),
                  .topic = std::move(*topic),
                  .category = std::move(*category),
                  .session_id = std::move(session_id),
                  .principal = std::move(principal),
                  .type = std::move(*type),
                  .occurred_at = *occurred_at,
                  .payload = std::move(*payload)}}
            );
        },
        sql_.either(
            LOG_AND_EVENTS
            "JOIN log_epochs l ON l.epoch = (SELECT max(epoch) FROM log_epochs) "
            "LEFT JOIN outbox e ON e.seq > :after WHERE m.key = 'oldest_seq' ORDER BY e.seq LIMIT :limit",
            LOG_AND_EVENTS
            "JOIN (SELECT epoch, first_seq FROM log_epochs ORDER BY epoch DESC LIMIT 1) l ON m.key = "
            "'oldest_seq' "
            "LEFT JOIN (SELECT * FROM outbox WHERE seq > :after ORDER BY seq LIMIT :limit) e ON m.key = "
            "'oldest_seq' "
            "WHERE m.key = 'oldest_seq' ORDER BY e.seq"
        ),
        after, limit
    );
    return found;
}

std::int64_t sql_event_log::head() const {
    return *sql_.row<std::int64_t>("SELECT coalesce(max(seq), 0) FROM outbox");
}

log_epoch sql_event_log::current_epoch() const { return epochs().back(); }

std::vector<log_epoch> sql_event_log::epochs() const {
    return epoch_record::list(sql_, "SELECT epoch, first_seq FROM log_epochs ORDER BY epoch");
}

} // namespace gatehouse::persistence
