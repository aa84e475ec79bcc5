#pragma once
// Deep equality as JSON Schema means it: numbers by value (1 == 1.0), objects in any order of their members.

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace gatehouse::json_schema {

// What work may still be done. Shared by all that one evaluation does.
class work_budget {
  public:
    explicit work_budget(std::size_t steps) noexcept : left_(steps) {}

    // False from the moment on at which more was wanted than there was.
    bool spend(std::size_t steps) noexcept {
        if (steps > left_) exceeded_ = true;
        left_ = exceeded_ ? 0 : left_ - steps;
        return !exceeded_;
    }

    void give_up() noexcept { spend(SIZE_MAX); }
    bool exceeded() const noexcept { return exceeded_; }

  private:
    std::size_t left_;
    bool exceeded_ = false;
};

// False also where the budget ends or the values nest deeper than 512; the budget then says exceeded().
bool equal(boost::json::value const& a, boost::json::value const& b, work_budget& budget);

// The positions of two equal items, the later one the first of its kind in the array; nothing where all
// differ.
std::optional<std::pair<std::size_t, std::size_t>>
find_duplicate(boost::json::array const& items, work_budget& budget);

} // namespace gatehouse::json_schema
