#include "persistence/sql_error.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

// Each verb with its statement 0, 1, 2 … failing: the store is as before or the verb is done, never between.
class failing_store_test : public run_fixture {
  protected:
    std::string picture() {
        return read([](snapshot& view) {
            std::string text = std::to_string(view.events().head()) + "\n";
            run_filter all;
            all.purpose.reset();
            for (auto const& r : view.runs().list(all)) {
                text += view.sessions().find(r.session_id)->label.value_or("-");
                text += r.run_id + std::string(to_string(r.state)) + r.tape_hash +
                        std::to_string(r.lease_epoch) + r.lease_owner.value_or("-") +
                        (r.claimable_at ? "due" : "-") + r.waiting_on.value_or("-") +
                        r.cancel_reason.value_or("-") + std::to_string(r.turn) + std::to_string(r.attempt) +
                        (view.runs().has_inbox(r.run_id) ? "inbox" : "") + "\n";
                for (auto const& item : view.runs().tape(r.run_id, 0, 1000)) text += item.hash + "\n";
                for (auto const& s : view.runs().steps_of_turn(r.run_id, r.turn))
                    text += std::to_string(s.ordinal) + std::to_string(static_cast<int>(s.state)) +
                            s.invocation_id.value_or("-") + "\n";
                for (auto const& m : view.sessions().latest_messages(r.session_id, 1000))
                    text += m.text + "\n";
            }
            for (auto const& a : view.approvals().list({}))
                text += a.approval_id + std::string(to_string(a.state));
            return text;
        });
    }
    // Until the verb passes without reaching the statement that fails.
    template <class Verb>
    void sweep(char const* what, Verb verb) {
        for (int n = 0; n < 200; ++n) {
            auto const before = picture();
            failures_.fail_at(n);
            bool threw = false;
            try {
                verb();
            } catch (std::exception const&) {
                threw = true;
            }
            bool const reached = failures_.has_failed();
            failures_.heal();
            if (!threw) {
                EXPECT_NE(picture(), before) << what;
                EXPECT_FALSE(reached) << what << " did not see statement " << n << " fail";
                EXPECT_GT(n, 2) << what;
                return;
            }
            ASSERT_TRUE(reached) << what << ", statement " << n;
            ASSERT_EQ(picture(), before) << what << ", statement " << n;
        }
        FAIL() << what << " never passed";
    }
};
ON_BOTH_STORES(failing_store_test);

TEST_P(failing_store_test, every_verb_of_a_run_happens_whole_or_not_at_all) {
    add_node();
    queue("first"); // makes the session
    auto lease = claim_one();
    started_run second;
    sweep("start", [&] {
        run_request request;
        request.principal = "ada";
        request.session_key = "main";
        request.input = {{"text", "second"}};
        second = *write([request](transaction& tx) { return start_run(tx, request, {}); });
    });
    sweep("first advance", [&] { advance(lease); });
    sweep("input", [&] { tell(lease.run_id, "more"); });
    sweep("tool call", [&] {
        advance(lease, answered("", {call("node__fs__read"), call("node__fs__write", {}, "c2")}));
    });
    sweep("outcome", [&] { advance(lease, done(1, "read")); });
    auto const approval_id = open_approvals(lease.run_id).at(0).approval_id;
    sweep("approval", [&] { decide_on(approval_id, "approve"); });
    sweep("claim", [&] { lease = claim_one(); });
    sweep("start of the approved", [&] { advance(lease); });
    sweep("next turn", [&] { advance(lease, done(2, "written")); });
    sweep("provider error", [&] {
        advance(lease, failed("unavailable", true, std::chrono::milliseconds(0)));
    });
    sweep("claim for the retry", [&] { lease = claim_one(); });
    sweep("retry", [&] { advance(lease); });
    sweep("finish", [&] { advance(lease, answered("done")); });
    EXPECT_EQ(get(lease.run_id).state, run_state::succeeded);
    expect_sound_tape(lease.run_id);
    sweep("claim of the next", [&] { lease = claim_one(); });
    EXPECT_EQ(lease.run_id, second.value.run_id);
    sweep("release", [&] { lose_owner(); });
    sweep("cancel", [&] { cancel(lease.run_id); });
    EXPECT_EQ(get(lease.run_id).state, run_state::cancelled);
    expect_sound_tape(lease.run_id);
}

TEST_P(failing_store_test, a_run_ends_together_with_what_follows_it) {
    for (auto const* text : {"first", "second"}) {
        auto lease = start(text);
        advance(lease);
        sweep("end", [&] { advance(lease, answered("hi")); });
    }
    run_lease lease;
    sweep("claim in the background", [&] {
        auto unit = [](transaction& tx) { return claim_runs(tx, "ins_a", 1, run_queue::background); };
        lease = write(unit).at(0).lease;
    });
    advance(lease);
    sweep("label", [&] { advance(lease, answered("Greetings")); });
    auto const in = read([&](snapshot& view) { return *view.sessions().find(lease.session_id); });
    EXPECT_EQ(in.label, "Greetings");
}

} // namespace
} // namespace gatehouse::core
