#include "core/runs/worker.hpp"

#include "core/execution/wakeup.hpp"
#include "tests/unit/core/runs/run_fixture.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

// Thinks until it is told to stop.
class slow_model final : public model {
  public:
    explicit slow_model(loop& on) : on_(on) {}
    task<std::expected<model_response, provider_error>>
    turn(model_request const& request, text_sink&, cancellation& stop) override {
        ++(request.purpose == run_purpose::message ? messages : background);
        wakeup stopped(on_);
        auto heard = stop.on_request([&] { stopped.notify(); });
        while (!stop.requested()) co_await stopped.wait();
        co_return std::unexpected(provider_error{"cancelled", "It was stopped.", false, {}});
    }
    int messages = 0;
    int background = 0;

  private:
    loop& on_;
};

struct one_model final : model_catalog {
    explicit one_model(model& m) : only(m) {}
    std::optional<entry> find(std::string_view) const override { return entry{&only, "slow"}; }
    model& only;
};
struct no_steps final : step_executor {
    task<step_outcome> carry_out(started_step const&, cancellation&) override { co_return step_outcome{}; }
};
struct no_listener final : delta_listener {
    void on_delta(origin const&, std::int64_t, std::string_view) override {}
    void on_turn_end(origin const&) override {}
};
struct lasting_lease final : lease_guard {
    bool may_act() const override { return true; }
};

class worker_test : public run_fixture {
  protected:
    void SetUp() override {
        run_fixture::SetUp();
        if (IsSkipped()) return;
        make_worker(8);
    }
    void make_worker(std::int64_t slots) {
        settings_.slots = slots;
        worker_.reset();
        env_ = std::make_unique<run_environment>(run_environment{
            loop_, *db_, time_, random_, models_, steps_, deltas_, secrets_, lease_, settings_
        });
        worker_ = std::make_unique<worker>(*env_);
        db_->set_commit_listener([this](commit_signals const& signals) { worker_->on_signals(signals); });
    }
    void TearDown() override {
        if (worker_) {
            start_task(worker_->stop());
            wait_for_started();
        }
        run_fixture::TearDown();
    }
    void start_task(task<> work) { testing::store_fixture::start(std::move(work)); }

    // In a session of its own each, due long since.
    void queue_background(int count) {
        for (int n = 1; n <= count; ++n) {
            auto r = queue("hello", in_session(n)).value;
            cancel(r.run_id);
            r.run_id = "run_background" + std::to_string(n);
            r.purpose = run_purpose::label;
            r.ordinal = -1;
            r.claimable_at = long_since;
            write([r](transaction& tx) { tx.runs().insert(r); });
        }
    }
    void queue_message(int n) {
        auto const run_id = queue("hello", in_session(n)).value.run_id;
        write([run_id](transaction& tx) {
            auto r = *tx.runs().lock(run_id);
            if (!r.claimable_at) return; // the worker was quicker
            r.claimable_at = long_since;
            tx.runs().save(r);
        });
    }
    static run_request in_session(int n) {
        run_request request;
        request.session_key = "session " + std::to_string(n);
        return request;
    }
    bool comes_to(int messages, int background) {
        return loop_.advance_until(
            [&] { return model_.messages >= messages && model_.background >= background; }, 100ms
        );
    }

    // By every clock.
    static constexpr timestamp long_since{std::chrono::milliseconds(1)};

    slow_model model_{loop_};
    one_model models_{model_};
    no_steps steps_;
    no_listener deltas_;
    secret_filter secrets_;
    lasting_lease lease_;
    std::unique_ptr<run_environment> env_;
    std::unique_ptr<worker> worker_;
};
ON_BOTH_STORES(worker_test);

TEST_P(worker_test, a_quarter_of_the_slots_is_kept_for_messages) {
    queue_background(10);
    start_task(worker_->run());
    ASSERT_TRUE(comes_to(0, 6));
    for (int n = 11; n <= 12; ++n) queue_message(n);
    ASSERT_TRUE(comes_to(2, 6));
    EXPECT_EQ(worker_->running(), 8);
    EXPECT_EQ(model_.background, 6);
}

TEST_P(worker_test, of_two_slots_one_is_kept_for_messages) {
    make_worker(2);
    queue_background(3);
    start_task(worker_->run());
    ASSERT_TRUE(comes_to(0, 1));
    queue_message(4);
    ASSERT_TRUE(comes_to(1, 1));
    EXPECT_EQ(model_.background, 1);
}

TEST_P(worker_test, an_only_slot_works_in_the_background_too) {
    make_worker(1);
    queue_background(1);
    start_task(worker_->run());
    ASSERT_TRUE(comes_to(0, 1));
}

} // namespace
} // namespace gatehouse::core
