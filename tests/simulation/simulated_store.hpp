#pragma once
// The one store of a simulated world: the real stores on SQLite in memory, migrated once in a process and
// set back to that state for each world.
#include "persistence/store_session.hpp"
#include "tests/simulation/simulated_loop.hpp"

#include <memory>
#include <optional>

namespace gatehouse::simulation {

class simulated_store {
  public:
    simulated_store();
    ~simulated_store();

    // Empty again, as it was migrated. `time` is what its SQL function now_ms() tells, until the next call.
    void set_back(schedule const& time);

    persistence::store_session& session() { return *session_; }
    persistence::sql& statements() { return session_->statements(); }

  private:
    class store_clock final : public core::clock {
      public:
        timestamp now() const override {
            return schedule_ ? simulated_clock(*schedule_).now() : simulated_clock::new_year;
        }
        schedule const* schedule_ = nullptr;
    };
    class nested_dialect;

    store_clock clock_;
    std::unique_ptr<nested_dialect> dialect_;
    std::unique_ptr<persistence::store_session> session_;
};

} // namespace gatehouse::simulation
