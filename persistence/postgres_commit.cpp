#include "persistence/postgres_commit.hpp"

#include "persistence/advisory_locks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace gatehouse::persistence {
namespace {

constexpr std::int64_t forgotten_rows_max = 1000;

class postgres_commit final : public commit_protocol {
  public:
    explicit postgres_commit(sql& on) : sql_(on) {}

    std::size_t group_units_max() const override { return 16; }

    std::optional<timestamp> begin(std::string const& batch_id, bool for_group) override {
        events_.clear();
        newest_batch_id_ = batch_id;
        // Two groups may want the same rows in another order; then each unit is run by itself.
        std::string const patience = for_group ? "SET LOCAL lock_timeout = 100;" : "";
        auto const told = sql_.begin(
            access::write, patience + "INSERT INTO commits (batch_id, committed_at, lost) VALUES ('" +
                               batch_id + "', now_ms(), 0) RETURNING committed_at;"
        );
        return from_ms(std::stoll(told));
    }

    std::vector<core::logged_event> publish(std::vector<core::event> events) override {
        std::ranges::move(events, std::back_inserter(events_));
        return {};
    }

    void commit() override {
        if (events_.empty()) return sql_.commit();
        // One message: no stopped client can sit on the lock.
        std::string words = fmt::format(
            "SELECT pg_advisory_xact_lock({});INSERT INTO outbox (event_id, topic, category, session_id, "
            "principal, "
            "type, occurred_at, payload) VALUES ",
            log_lock
        );
        bool first = true;
        for (auto const& each : events_) {
            words += fmt::format(
                "{}({},{},{},{},{},{},{},{})", first ? "" : ",", sql_.quote(each.event_id),
                sql_.quote(each.topic), sql_.quote(each.category), quote(each.session_id),
                quote(each.principal), sql_.quote(each.type), to_ms(each.occurred_at),
                sql_.quote(each.payload)
            );
            first = false;
        }
        sql_.commit(words + ";");
    }

    void forget_old_batches() override {
        auto const now = std::chrono::steady_clock::now();
        // Batch ids are ULIDs, so every row of an hour ago is smaller than one that was seen then.
        if (!newest_batch_id_.empty() &&
            (marks_.empty() || now - marks_.back().first > std::chrono::minutes(10))) {
            marks_.emplace_back(now, newest_batch_id_);
        }
        if (marks_.empty() || now - marks_.front().first < std::chrono::hours(1)) return;
        sql_transaction whole(sql_, access::write);
        auto const removed = sql_.exec(
            "DELETE FROM commits WHERE batch_id IN (SELECT batch_id FROM commits WHERE batch_id < :before "
            "ORDER BY batch_id LIMIT :limit)",
            marks_.front().second, forgotten_rows_max
        );
        whole.commit();
        if (removed < forgotten_rows_max) marks_.pop_front();
    }

  private:
    std::string quote(std::optional<std::string> const& text) { return text ? sql_.quote(*text) : "NULL"; }

    sql& sql_;
    std::vector<core::event> events_;
    std::string newest_batch_id_;
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> marks_;
};

} // namespace

std::unique_ptr<commit_protocol> make_postgres_commit(sql& on) {
    return std::make_unique<postgres_commit>(on);
}

} // namespace gatehouse::persistence
