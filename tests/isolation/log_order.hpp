#pragma once
// The log's order is the order of commits, and its lock is held by nobody who does not commit.
#include "tests/isolation/controller.hpp"
#include "tests/isolation/stage.hpp"

#include <string>
#include <vector>

namespace gatehouse::isolation {

struct log_order {
    persistence::dialect const& of;
    director& by;
    controller& steps;
    stepped_side& a;
    stepped_side& b;

    // Sentences about what did not hold.
    std::vector<std::string> violations();

  private:
    void check_wait(stage& on, deed const& then, std::string otherwise, std::vector<std::string>& found);
    void check_order(std::vector<std::string>& found);
    void check_epoch(std::vector<std::string>& found);
    void check_strangers(std::vector<std::string>& found);
    void finish();
};

} // namespace gatehouse::isolation
