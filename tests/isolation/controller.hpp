#pragma once
// Steps two sides through one interleaving of their statements.
#include "tests/isolation/stepped_side.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::isolation {

struct course {
    std::vector<int> turns; // whose statement was granted, in order
    int blocked = 0;        // how often one waited for a lock of the other
    std::string text;       // the same for a person
};

class controller {
  public:
    // `looking_on`: a session of its own that sees who waits for whom.
    controller(persistence::sql& looking_on, stepped_side& a, stepped_side& b);
    ~controller();
    controller(controller const&) = delete;
    controller& operator=(controller const&) = delete;

    // Grants in the order of `plan` (0: a, 1: b), as far as that side can go; then whoever can.
    course run(deed of_a, deed of_b, std::vector<int> const& plan);

    // Grants statements to one side, up to the first one whose text is `before`. True: it waits for a lock.
    bool run_one(stepped_side& side, std::string_view before = {});

  private:
    bool is_blocked(stepped_side const& side);
    // Waits until each side stands before a statement, waits for a lock, or is done. False: nobody can go on
    // before the server finds the deadlock.
    void settle(course& so_far);

    persistence::sql& looking_on_;
    stepped_side* sides_[2];
    bool blocked_[2] = {false, false};
};

} // namespace gatehouse::isolation
