#pragma once
// Follows tapes for subscribers: everything from where they stood, then live, to the end of the run.
#include "core/execution/cancellation.hpp"
#include "core/execution/task_group.hpp"
#include "core/runs/run.hpp"
#include "core/storage/commit_signals.hpp"
#include "core/storage/database.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::core {

// Reads one run's tape page by page and waits for more. Loop only.
class tape_reader {
  public:
    struct page {
        std::vector<tape_item> items;
        bool ended = false; // the run is terminal and this page holds its last item
        run_state state = run_state::accepted;
    };

    // The next items, waiting for some; nothing once `stop` was requested or the run is gone. After a page
    // with `ended` there is no more.
    task<std::optional<page>> next(cancellation& stop);

  private:
    friend class tape_feed;
    struct shared;
    explicit tape_reader(std::shared_ptr<shared> s) : shared_(std::move(s)) {}
    std::shared_ptr<shared> shared_;
};

// Loop only.
class tape_feed {
  public:
    tape_feed(loop& on, database& db) : loop_(on), db_(db) {}

    // Starts behind `after_seq`.
    tape_reader follow(std::string run_id, std::int64_t after_seq);

    void on_signals(commit_signals const& signals);

    // Every reader gets nothing from now on.
    void stop();

  private:
    loop& loop_;
    database& db_;
    std::multimap<std::string, std::weak_ptr<tape_reader::shared>> readers_; // by run id
    bool stopping_ = false;
};

} // namespace gatehouse::core
