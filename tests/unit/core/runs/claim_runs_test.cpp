#include "core/runs/claim_runs.hpp"

#include "core/runs/fork_run.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class claim_runs_test : public run_fixture {
  protected:
    // A run of the session from its start to its end.
    run_lease answer(std::string text) {
        auto lease = start(text);
        advance(lease);
        EXPECT_EQ(advance(lease, answered("to " + text)).state, run_state::succeeded);
        return lease;
    }
    // What the model is asked first, where the turn comes with the claim, as workers have it.
    strings first_question() {
        auto claimed = write([s = settings_](transaction& tx) {
            return claim_runs(tx, s.instance_id, 16, run_queue::messages, &s);
        });
        if (claimed.size() != 1 || !claimed[0].first) throw std::runtime_error("no turn came with the claim");
        strings asked;
        for (auto const& m : claimed[0].first->request.messages) asked.push_back(m.role + ": " + m.text);
        return asked;
    }
};
ON_BOTH_STORES(claim_runs_test);

TEST_P(claim_runs_test, the_first_turn_knows_what_was_said_before) {
    queue("one");
    EXPECT_EQ(first_question(), strings{"user: one"});
}

TEST_P(claim_runs_test, a_fork_from_before_its_message_knows_the_conversation) {
    answer("one");
    auto const second = answer("two");
    write([id = second.run_id](transaction& tx) { return fork_run(tx, id, 1, {"ada", false}); });
    EXPECT_EQ(first_question(), (strings{"user: one", "assistant: to one", "user: two"}));
}

TEST_P(claim_runs_test, a_session_whose_old_runs_were_removed_goes_on_with_its_conversation) {
    answer("one");
    time_.advance(1h);
    write([](transaction& tx) { return tx.retention().remove_runs_before(tx.now(), 10); });
    queue("two");
    EXPECT_EQ(first_question(), (strings{"user: one", "assistant: to one", "user: two"}));
}

} // namespace
} // namespace gatehouse::core
