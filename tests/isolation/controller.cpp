#include "tests/isolation/controller.hpp"

#include <thread>

namespace gatehouse::isolation {

using standing = stepped_side::standing;

controller::controller(persistence::sql& looking_on, stepped_side& a, stepped_side& b)
    : looking_on_(looking_on), sides_{&a, &b} {
    // Who waits for whom is no data: it is seen anew in one and the same transaction.
    looking_on_.script("SET idle_in_transaction_session_timeout = 0");
    looking_on_.begin(persistence::access::read);
}

controller::~controller() { looking_on_.rollback(); }

bool controller::is_blocked(stepped_side const& side) {
    auto const waits_for = *looking_on_.row<std::int64_t>(
        "SELECT CAST(coalesce(cardinality(pg_blocking_pids(CAST(:pid AS INTEGER))), 0) AS BIGINT)",
        side.backend_pid()
    );
    return waits_for > 0;
}

// Nothing here waits a time: a side that was let go arrives somewhere, or the server says that it waits for a
// lock. Two that wait for each other are parted by the server.
void controller::settle(course& so_far) {
    for (;;) {
        bool settled = true;
        bool anybody_can_go_on = false;
        for (int i : {0, 1}) {
            bool const was_blocked = blocked_[i];
            blocked_[i] = sides_[i]->now() == standing::running && is_blocked(*sides_[i]);
            auto const now = sides_[i]->now();
            if (now != standing::running) blocked_[i] = false;
            if (blocked_[i] && !was_blocked) {
                ++so_far.blocked;
                so_far.text += i == 0 ? " (a waits)" : " (b waits)";
            }
            if (now == standing::running && !blocked_[i]) settled = false;
            if (now == standing::waiting) anybody_can_go_on = true;
        }
        bool const all_done = sides_[0]->now() == standing::done && sides_[1]->now() == standing::done;
        if (all_done || (settled && anybody_can_go_on)) return;
        std::this_thread::yield();
    }
}

bool controller::run_one(stepped_side& side, std::string_view before) {
    for (;;) {
        auto const now = side.now();
        if (now == standing::done || (now == standing::waiting && side.statement() == before)) return false;
        if (now == standing::running && is_blocked(side)) return true;
        if (now == standing::waiting) side.grant();
        std::this_thread::yield();
    }
}

course controller::run(deed of_a, deed of_b, std::vector<int> const& plan) {
    course so_far;
    blocked_[0] = blocked_[1] = false;
    sides_[0]->start(std::move(of_a));
    sides_[1]->start(std::move(of_b));
    for (std::size_t at = 0;; ++at) {
        settle(so_far);
        if (sides_[0]->now() == standing::done && sides_[1]->now() == standing::done) return so_far;
        int turn = at < plan.size() ? plan[at] : 0;
        if (sides_[turn]->now() != standing::waiting) turn = 1 - turn;
        so_far.turns.push_back(turn);
        so_far.text +=
            std::string(turn == 0 ? "\n    a: " : "\n    b: ") + sides_[turn]->statement().substr(0, 90);
        sides_[turn]->grant();
    }
}

} // namespace gatehouse::isolation
