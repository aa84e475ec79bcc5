#pragma once
// A model provider that answers as the dice fall: text, tool calls, failures, and late.
#include "core/ports/model.hpp"
#include "tests/simulation/simulated_loop.hpp"

#include <string>
#include <vector>

namespace gatehouse::simulation {

struct model_habits {
    std::vector<std::string> tools;  // it may ask for
    unsigned calls_per_turn_max = 2; // tool calls
    unsigned calls_per_run_max = 3;  // about that many, then it answers with text
    unsigned fails = 0;              // in thousandths of the turns: may be tried again
    unsigned rejects = 0;            // may not
    std::chrono::nanoseconds thinks_max{50'000'000};
};

class scripted_model final : public core::model {
  public:
    scripted_model(schedule& in, core::loop& on, model_habits const& habits)
        : schedule_(in), loop_(on), habits_(habits) {}

    core::task<std::expected<core::model_response, core::provider_error>>
    turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) override;

  private:
    core::model_response respond(core::model_request const& request);

    schedule& schedule_;
    core::loop& loop_;
    model_habits const& habits_;
};

class scripted_catalog final : public core::model_catalog {
  public:
    explicit scripted_catalog(scripted_model& only) : only_(only) {}
    std::optional<entry> find(std::string_view) const override { return entry{&only_, "scripted"}; }

  private:
    scripted_model& only_;
};

} // namespace gatehouse::simulation
