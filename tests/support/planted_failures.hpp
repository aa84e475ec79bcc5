#pragma once
// Makes the n-th statement of the database fail: replay a scenario with statement 0, 1, 2 … failing, and the
// state is the old one or the new one each time, never one between.
#include "persistence/sql.hpp"

#include <atomic>
#include <functional>
#include <string_view>
#include <type_traits>

namespace gatehouse::testing {

class planted_failures {
  public:
    // For db_options::before_statement. The object outlives the db.
    persistence::statement_hook hook() {
        return [this](std::string_view text) {
            if (on_statement) on_statement(text);
            // Only a connection can be lost between a COMMIT and its answer.
            if (left_.load() < 0 || (text == "AFTER COMMIT" && !loses_answers_)) return;
            if (left_-- == 0) fail_();
        };
    }

    // The n-th statement from now on, counted from 0, BEGIN and COMMIT included, fails with `E` once.
    template <class E = persistence::sql_error>
    void fail_at(int n) {
        fail_ = [] { throw E("planted"); };
        loses_answers_ = std::is_same_v<E, persistence::connection_lost>;
        left_ = n;
    }
    void heal() { left_ = -2; }
    // The statement to fail has been reached.
    bool has_failed() const { return left_.load() == -1; }

    // Called before each statement, on its database thread. Set before the db is made.
    std::function<void(std::string_view)> on_statement;

  private:
    std::atomic<int> left_ = -2;
    std::atomic<bool> loses_answers_ = false;
    std::function<void()> fail_;
};

} // namespace gatehouse::testing
