#include "app/node/call_desk.hpp"

#include "app/node/files_capability.hpp"
#include "app/node/system_capability.hpp"
#include "protocol/json_schema/schema.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/manual_loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace gatehouse::app::node {
namespace {

// test.act (an effect), test.look (repeatable): count how often they ran, and wait until they are let go.
class test_capability final : public capability {
  public:
    explicit test_capability(core::loop& on) : may_end(on) {}
    protocol::capability const& descriptor() const override { return descriptor_; }
    core::task<result<operation_outcome>>
    run(std::string operation, boost::json::object const&, operation_call& call) override {
        ++runs;
        call.progress(0.5, "half");
        auto const listening = call.stop.on_request([this] { may_end.notify(); });
        if (!let_go) co_await may_end.wait();
        if (call.stop.requested()) co_return fail(errc::cancelled, "cancelled");
        if (operation == "fail")
            co_return fail(errc::capability_failed, "it went wrong", {{"reason", "test"}});
        co_return operation_outcome{{{"run", runs}}, {}};
    }
    int runs = 0;
    bool let_go = true;
    core::wakeup may_end;

  private:
    protocol::capability descriptor_ = read_descriptor(R"({"id":"test","version":"1","operations":[
        {"name":"act","input_schema":{"type":"object","properties":{"x":{"type":"integer"}},"additionalProperties":false},"risk":"dangerous"},
        {"name":"fail","input_schema":true,"risk":"write"},
        {"name":"look","input_schema":true,"risk":"read"}]})");
};

class call_desk_test : public ::testing::Test {
  protected:
    call_desk_test() { restart(); }

    // As after kill -9: nothing but the file is left.
    void restart() {
        desk.reset();
        journal.reset();
        journal.emplace(folder / "journal", time.now());
        std::vector<std::unique_ptr<capability>> capabilities;
        capabilities.push_back(std::make_unique<test_capability>(loop));
        act = static_cast<test_capability*>(capabilities[0].get());
        desk.emplace(loop, time, *journal, std::move(capabilities));
        desk->on_progress([this](std::string const& id, auto, std::string const& message) {
            told += id + " " + message + "\n";
        });
    }

    static call_desk::params
    call(std::string operation, std::string key = "k", std::string arguments = "{}") {
        call_desk::params params;
        params.invocation_id = "inv_1";
        params.attempt = 1;
        params.capability = "test";
        params.operation = std::move(operation);
        params.arguments.text = std::move(arguments);
        params.deadline_ms = 1000;
        params.idempotency_key = std::move(key);
        return params;
    }

    // Where the answer is put once it is there.
    std::shared_ptr<std::optional<result<std::string>>> begin(call_desk::params params) {
        auto answer = std::make_shared<std::optional<result<std::string>>>();
        auto body = [](call_desk& on, call_desk::params what, decltype(answer) into) -> core::task<> {
            *into = co_await on.invoke(std::move(what));
        };
        boost::asio::co_spawn(
            core::executor(loop), body(*desk, std::move(params), answer),
            [](std::exception_ptr thrown) {
                if (thrown) std::rethrow_exception(thrown);
            }
        );
        loop.run_until_idle();
        return answer;
    }
    result<std::string> invoke(call_desk::params params) { return begin(std::move(params))->value(); }

    testing::temporary_directory folder;
    testing::manual_loop loop;
    testing::manual_clock time;
    std::optional<call_journal> journal;
    test_capability* act = nullptr;
    std::optional<call_desk> desk;
    std::string told;
};

TEST_F(call_desk_test, a_call_runs_once_and_its_answer_is_kept_over_a_restart) {
    EXPECT_EQ(invoke(call("act")), R"({"result":{"run":1}})");
    EXPECT_EQ(invoke(call("act")), R"({"result":{"run":1}})");
    EXPECT_EQ(invoke(call("act", "other")), R"({"result":{"run":2}})");
    restart();
    EXPECT_EQ(invoke(call("act")), R"({"result":{"run":1}})");
    EXPECT_EQ(act->runs, 0);
}

TEST_F(call_desk_test, a_failure_is_an_answer_too) {
    for (int i = 0; i < 2; ++i) {
        auto const answer = invoke(call("fail"));
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, errc::capability_failed);
        EXPECT_EQ(answer.error().message, "it went wrong");
        EXPECT_EQ(answer.error().details.at("reason"), "test");
    }
    EXPECT_EQ(act->runs, 1);
}

TEST_F(call_desk_test, one_that_was_started_and_never_answered_has_an_unknown_outcome) {
    journal->start("k", "", time.now(), true);
    auto const other = invoke(call("act"));
    EXPECT_EQ(other.error().code, errc::idempotency_mismatch);
    act->let_go = false;
    auto const answer = begin(call("act", "k2"));
    EXPECT_FALSE(*answer);
    journal.reset();
    journal.emplace(folder / "journal", time.now()); // what the next process would read
    EXPECT_EQ(journal->find("k2")->answer, std::nullopt);
    act->may_end.notify();
    loop.run_until_idle();
}

TEST_F(call_desk_test, an_interrupted_call_is_unknown_and_a_repeatable_one_runs_again) {
    for (std::string const operation : {"act", "look"}) {
        invoke(call(operation, operation));
        auto const line = folder.read("journal");
        journal.reset();
        auto const hash = line.find("\"request\":\"", line.find("\"started\":\"" + operation)) + 11;
        folder.write(
            "journal", "{\"started\":\"" + operation + "\",\"request\":\"" + line.substr(hash, 64) +
                           "\",\"at\":1767225600000}\n"
        );
        restart();
        auto const answer = invoke(call(operation, operation));
        if (operation == "act") {
            ASSERT_FALSE(answer);
            EXPECT_EQ(answer.error().code, errc::capability_failed);
            EXPECT_EQ(answer.error().details.at("outcome"), "unknown");
            EXPECT_EQ(act->runs, 0);
        } else {
            EXPECT_EQ(answer, R"({"result":{"run":1}})");
        }
    }
}

TEST_F(call_desk_test, a_key_that_is_being_worked_on_is_joined) {
    act->let_go = false;
    auto const first = begin(call("act"));
    auto again = call("act");
    again.invocation_id = "inv_2";
    auto const second = begin(again);
    EXPECT_FALSE(*first);
    EXPECT_FALSE(*second);
    EXPECT_EQ(invoke(call("act", "k", "{\"x\":1}")).error().code, errc::idempotency_mismatch);
    act->may_end.notify();
    loop.run_until_idle();
    EXPECT_EQ(first->value(), R"({"result":{"run":1}})");
    EXPECT_EQ(second->value(), R"({"result":{"run":1}})");
    EXPECT_EQ(act->runs, 1);
}

TEST_F(call_desk_test, the_same_key_for_other_arguments_is_refused) {
    invoke(call("act"));
    EXPECT_EQ(invoke(call("act", "k", "{\"x\":1}")).error().code, errc::idempotency_mismatch);
    EXPECT_EQ(act->runs, 1);
}

TEST_F(call_desk_test, an_older_owner_of_a_run_is_refused) {
    auto current = call("act", "a");
    current.run_id = "run_1";
    current.lease_epoch = 2;
    EXPECT_TRUE(invoke(current));
    auto stale = call("act", "b");
    stale.run_id = "run_1";
    stale.lease_epoch = 1;
    EXPECT_EQ(invoke(stale).error().code, errc::wrong_state);
    restart();
    EXPECT_EQ(invoke(stale).error().code, errc::wrong_state);
    stale.lease_epoch = 2;
    EXPECT_TRUE(invoke(stale));
}

TEST_F(call_desk_test, what_does_not_fit_is_refused_and_leaves_no_trace) {
    EXPECT_EQ(invoke(call("nothing")).error().code, errc::not_found);
    for (std::string const arguments : {R"({"x":"1"})", R"({"y":1})", "[]", R"({"x":1,"x":2})"}) {
        EXPECT_EQ(invoke(call("act", "k", arguments)).error().code, errc::invalid_params) << arguments;
    }
    auto const wrong = invoke(call("act", "k", R"({"x":"1"})"));
    EXPECT_EQ(wrong.error().details.at(0).at("path"), "/x");
    EXPECT_FALSE(journal->find("k"));
    EXPECT_TRUE(invoke(call("act")));
}

TEST_F(call_desk_test, a_cancel_reaches_the_call_by_any_of_its_invocations) {
    act->let_go = false;
    auto const answer = begin(call("act"));
    desk->cancel("inv_9");
    loop.run_until_idle();
    EXPECT_FALSE(*answer);
    desk->cancel("inv_1");
    loop.run_until_idle();
    ASSERT_TRUE(*answer);
    EXPECT_EQ((*answer)->error().code, errc::cancelled);
    EXPECT_EQ(told, "inv_1 half\n");
}

TEST(node_capabilities, descriptors_have_the_contracts_form_and_results_fit_them) {
    testing::temporary_directory root;
    root.write("a.txt", "hello\n");
    root.write("b.bin", std::string("\0\xff", 2));
    testing::manual_loop loop;
    core::cancellation stop;
    operation_call context{loop.now(), stop, nullptr};
    std::vector<std::tuple<std::string, std::string>> const calls{
        {"info", "{}"},
        {"read", R"({"path":"a.txt"})"},
        {"read", R"({"path":"b.bin","max_bytes":1})"},
        {"list", "{}"},
        {"write", R"({"path":"c.txt","content":"aGk=","encoding":"base64"})"},
        {"list", R"({"path":"."})"},
    };
    std::vector<std::unique_ptr<capability>> capabilities;
    capabilities.push_back(make_system_capability());
    capabilities.push_back(make_files_capability(root.path().string()));
    std::vector<std::string> results;
    for (auto const& [name, arguments] : calls) {
        for (auto const& each : capabilities) {
            for (auto const& operation : each->descriptor().operations) {
                if (operation.name != name) continue;
                auto const parsed = boost::json::parse(arguments);
                EXPECT_TRUE(json_schema::compile(operation.input_schema)->is_valid(parsed)) << arguments;
                std::optional<result<operation_outcome>> outcome;
                auto body = [](capability& on, std::string what, boost::json::object args,
                               operation_call& call,
                               auto& into) -> core::task<> { into = co_await on.run(what, args, call); };
                boost::asio::co_spawn(
                    core::executor(loop), body(*each, name, parsed.as_object(), context, outcome),
                    [](std::exception_ptr) {}
                );
                loop.run_until_idle();
                ASSERT_TRUE(outcome && *outcome) << name;
                auto const schema = json_schema::compile(*operation.output_schema);
                ASSERT_TRUE(schema) << schema.error().message;
                EXPECT_TRUE(schema->is_valid((*outcome)->result))
                    << name << boost::json::serialize((*outcome)->result);
                results.push_back(boost::json::serialize((*outcome)->result));
            }
        }
    }
    EXPECT_EQ(
        results[1], R"({"path":"a.txt","size":6,"encoding":"utf8","content":"hello\n","truncated":false})"
    );
    EXPECT_EQ(
        results[2], R"({"path":"b.bin","size":2,"encoding":"base64","content":"AA==","truncated":true})"
    );
    EXPECT_EQ(root.read("c.txt"), "hi");
}

} // namespace
} // namespace gatehouse::app::node
