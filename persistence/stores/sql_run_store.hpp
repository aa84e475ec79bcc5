#pragma once
#include "core/runs/run_store.hpp"
#include "persistence/sql.hpp"

#include <chrono>

namespace gatehouse::persistence {

// Runs with their steps, tapes and inboxes.
class sql_run_store final : public core::run_store {
  public:
    explicit sql_run_store(sql& on) : sql_(on) {}

    std::optional<core::run> find(std::string const& run_id) const override;
    std::vector<core::run> list(core::run_filter const& filter) const override;
    std::map<core::run_state, std::int64_t> count_by_state() const override;
    std::map<std::string, std::int64_t> count_by_owner() const override;
    void insert(core::run const& r) override;
    std::optional<core::run> lock(std::string const& run_id) override;
    std::optional<core::run>
    lock_leased(std::string const& session_id, std::string const& run_id, std::int64_t lease_epoch) override;
    void save(core::run const& r) override;
    std::vector<core::run> claim(std::string const& owner, std::int64_t limit, core::run_queue from) override;
    core::claimable_times next_claimable_at() const override;
    std::int64_t release_all_of(std::string const& owner) override;
    bool any_ownerless() const override;
    std::int64_t release_ownerless() override;
    std::optional<core::run> head_of_session(std::string const& session_id) const override;
    surroundings around(core::run const& r) const override;
    std::int64_t next_ordinal(std::string const& session_id) const override;
    std::int64_t next_background_ordinal(std::string const& session_id) const override;
    void
    copy_tape(std::string const& from_run_id, std::int64_t last_seq, std::string const& to_run_id) override;
    void append_tape(std::string const& run_id, std::span<core::tape_item const> items) override;
    std::vector<core::tape_item>
    tape(std::string const& run_id, std::int64_t after_seq, std::int64_t limit) const override;
    void
    add_to_inbox(std::string const& run_id, std::string const& kind, core::json_text const& payload) override;
    std::vector<core::inbox_message> take_inbox(std::string const& run_id) override;
    bool has_inbox(std::string const& run_id) const override;
    std::vector<std::string> with_news(std::vector<std::string> const& run_ids) const override;
    void insert_step(core::step const& s) override;
    void save_step(core::step const& s) override;
    std::optional<core::step> find_step(std::string const& run_id, std::int64_t ordinal) const override;
    std::vector<core::step> steps_of_turn(std::string const& run_id, std::int64_t turn) const override;

  private:
    // Postgres leaves dead entries in the index of claimable runs for as long as anybody holds a snapshot, so
    // a look starts 1 s below the oldest row that was seen last. Every 5 s one starts at the beginning, and
    // more seldom where that takes long.
    struct low_mark {
        using steady = std::chrono::steady_clock;
        timestamp at{};
        steady::time_point next_full_scan{};
        steady::time_point begun{};
        timestamp begin();
        void end(std::optional<timestamp> oldest);
    };

    sql& sql_;
    mutable low_mark messages_;
    mutable low_mark background_;
};

} // namespace gatehouse::persistence
