#include "core/runs/tape_feed.hpp"

#include "core/execution/fail_point.hpp"
#include "core/runs/run_machine.hpp"

#include <spdlog/spdlog.h>

namespace gatehouse::core {

namespace {

constexpr std::int64_t page_size = 100;
// A peer gets a page as one frame.
constexpr std::size_t page_bytes_max = 256 * 1024;

// Wake-ups make it quick; this makes it correct for tapes that another process writes.
constexpr std::chrono::milliseconds poll_period{500};

// At least one item stays.
void cut_to_size(std::vector<tape_item>& items) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        bytes += items[i].payload.size();
        if (i > 0 && bytes > page_bytes_max) return items.resize(i);
    }
}

} // namespace

struct tape_reader::shared {
    shared(loop& l, database& d, std::string id, std::int64_t after)
        : on(l), db(d), run_id(std::move(id)), after_seq(after), grown(l) {}

    loop& on;
    database& db;
    std::string run_id;
    std::int64_t after_seq;
    wakeup grown;
    bool pending = true;
    bool stopped = false;
};

task<std::optional<tape_reader::page>> tape_reader::next(cancellation& stop) {
    auto s = shared_;
    auto stopped = stop.on_request([s] { s->grown.notify(); });
    while (!stop.requested() && !s->stopped) {
        s->pending = false;
        auto unit = [id = s->run_id, after = s->after_seq](snapshot& view) -> std::optional<page> {
            auto found = view.runs().find(id);
            if (!found) return std::nullopt;
            page p;
            p.items = view.runs().tape(id, after, page_size);
            cut_to_size(p.items);
            p.state = found->state;
            auto last = p.items.empty() ? after : p.items.back().seq;
            p.ended = is_terminal(found->state) && last >= found->tape_seq;
            return p;
        };
        std::optional<page> read;
        bool was_read = false;
        try {
            read = co_await s->db.read(std::move(unit));
            was_read = true;
        } catch (std::exception const& e) {
            spdlog::error("the tape of {} could not be read, trying again: {}", s->run_id, e.what());
        }
        GATEHOUSE_FAIL_POINT("tape.page_read");
        if (was_read && (!read || read->ended || !read->items.empty())) {
            if (read && !read->items.empty()) s->after_seq = read->items.back().seq;
            co_return read;
        }
        if ((!was_read || !s->pending) && !s->stopped && !stop.requested())
            co_await s->grown.wait_until(s->on.now() + poll_period);
    }
    co_return std::nullopt;
}

tape_reader tape_feed::follow(std::string run_id, std::int64_t after_seq) {
    std::erase_if(readers_, [](auto const& each) { return each.second.expired(); });
    auto made = std::make_shared<tape_reader::shared>(loop_, db_, run_id, after_seq);
    made->stopped = stopping_;
    readers_.emplace(std::move(run_id), made);
    return tape_reader(std::move(made));
}

void tape_feed::stop() {
    stopping_ = true;
    for (auto const& [run_id, each] : readers_) {
        auto reader = each.lock();
        if (!reader) continue;
        reader->stopped = true;
        reader->grown.notify();
    }
}

void tape_feed::on_signals(commit_signals const& signals) {
    for (auto const& run_id : signals.tapes) {
        auto [first, last] = readers_.equal_range(run_id);
        for (; first != last; ++first) {
            if (auto reader = first->second.lock()) {
                reader->pending = true;
                reader->grown.notify();
            }
        }
    }
}

} // namespace gatehouse::core
