#include "persistence/sqlite_commit.hpp"

namespace gatehouse::persistence {
namespace {

// There is one writer, so the order of its inserts is the order of commits.
class sqlite_commit final : public commit_protocol {
  public:
    explicit sqlite_commit(sql& on) : sql_(on) {}

    // One fsync for all of them; more would only delay the first one.
    std::size_t group_units_max() const override { return 64; }

    std::optional<timestamp> begin(std::string const& batch_id, bool) override {
        batch_id_ = batch_id;
        sql_.begin(access::write);
        changes_before_ = changes();
        return std::nullopt;
    }

    std::vector<core::logged_event> publish(std::vector<core::event> events) override {
        std::vector<core::logged_event> logged;
        for (auto& each : events) {
            auto const seq = *sql_.row<std::int64_t>(
                "INSERT INTO outbox (event_id, topic, category, session_id, principal, type, occurred_at, "
                "payload) VALUES "
                "(:event_id, :topic, :category, :session_id, :principal, :type, :occurred_at, :payload) "
                "RETURNING seq",
                each.event_id, each.topic, each.category, each.session_id, each.principal, each.type,
                each.occurred_at, each.payload
            );
            logged.push_back({seq, std::move(each)});
        }
        return logged;
    }

    void commit() override {
        // A group that changed nothing needs no proof that it happened, and costs no fsync.
        if (changes() == changes_before_) return sql_.commit();
        // Only the newest COMMIT can lack its answer, so the row of the one before is taken over.
        auto const taken = sql_.exec(
            "UPDATE commits SET batch_id = :batch_id, committed_at = now_ms() WHERE batch_id = :last",
            batch_id_, last_batch_id_
        );
        if (taken == 0) {
            // The first one of this process, or the first one after a lost answer: what is left of others
            // goes.
            sql_.exec("DELETE FROM commits WHERE committed_at < now_ms() - 3600000");
            sql_.exec(
                "INSERT INTO commits (batch_id, committed_at, lost) VALUES (:batch_id, now_ms(), 0)",
                batch_id_
            );
        }
        sql_.commit();
        last_batch_id_ = batch_id_;
    }

    void forget_old_batches() override {}

  private:
    std::int64_t changes() const { return sql_.changes(); }

    sql& sql_;
    std::string batch_id_;
    std::string last_batch_id_;
    std::int64_t changes_before_ = 0;
};

} // namespace

std::unique_ptr<commit_protocol> make_sqlite_commit(sql& on) { return std::make_unique<sqlite_commit>(on); }

} // namespace gatehouse::persistence
