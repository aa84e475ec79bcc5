#include "app/models/demo_model.hpp"

#include "tests/support/manual_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace gatehouse::app::models {
namespace {

using turn_result = std::expected<core::model_response, core::provider_error>;
using std::chrono::milliseconds;

struct recorded_text final : core::text_sink {
    void on_text(std::string_view piece) override { pieces.emplace_back(piece); }
    std::vector<std::string> pieces;
};

class demo_model_test : public ::testing::Test {
  public:
    void user(std::string text, std::string run = "run_1") { add(std::move(run), "user", std::move(text)); }
    void tool(std::string text, std::string run = "run_1") { add(std::move(run), "tool", std::move(text)); }
    void assistant(std::string text = "", std::string run = "run_1") {
        add(std::move(run), "assistant", std::move(text));
    }
    void add(std::string run, std::string role, std::string text) {
        core::model_message message;
        message.run_id = std::move(run);
        message.role = std::move(role);
        message.text = std::move(text);
        request.messages.push_back(std::move(message));
    }

    turn_result turn() {
        request.run_id = "run_1";
        std::optional<turn_result> result;
        demo_model model(loop);
        auto body = [](demo_model_test& test, demo_model& asked,
                       std::optional<turn_result>& into) -> core::task<> {
            into = co_await asked.turn(test.request, test.sink, test.stop);
            test.ended = test.loop.now();
        };
        auto const began = loop.now();
        boost::asio::co_spawn(
            core::executor(loop), body(*this, model, result),
            [](std::exception_ptr thrown) {
                if (thrown) std::rethrow_exception(thrown);
            }
        );
        loop.advance(std::chrono::hours(1));
        took = std::chrono::duration_cast<milliseconds>(ended - began);
        return std::move(result.value());
    }

    std::string calls_of(turn_result const& result) {
        if (!result) return "failed: " + result.error().message;
        std::string all;
        for (auto const& each : result->tool_calls) {
            all += each.call_id + " " + each.tool + " " + boost::json::serialize(each.arguments) + "\n";
        }
        return all;
    }

    testing::manual_loop loop;
    core::steady_time ended;
    milliseconds took{0}; // the last turn, in the loop's time
    core::model_request request;
    core::cancellation stop;
    recorded_text sink;
};

TEST_F(demo_model_test, text_without_a_directive_is_said_back_word_by_word) {
    user("good  morning\nto you");
    auto const result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "You said: good  morning\nto you");
    EXPECT_EQ(result->finish_reason, "stop");
    std::string streamed;
    for (auto const& each : sink.pieces) streamed += each;
    EXPECT_EQ(streamed, result->text);
    EXPECT_EQ(sink.pieces, (std::vector<std::string>{"You ", "said: ", "good ", " ", "morning\nto ", "you"}));
}

TEST_F(demo_model_test, a_turn_takes_directives_up_to_its_next_call) {
    user("hello\n/say one\n/call a__b {\"x\":1}\n/say two\n/call c\n/say three");
    auto result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "one");
    EXPECT_EQ(calls_of(result), "call_1_1 a__b {\"x\":1}\n");
    EXPECT_EQ(result->finish_reason, "tool_calls");

    assistant("one");
    tool("{\"ok\":true}");
    result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "two");
    EXPECT_EQ(calls_of(result), "call_2_1 c {}\n");

    assistant("two");
    tool("not JSON");
    result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "three\n{\"ok\":true}\n\"not JSON\"");
    EXPECT_EQ(calls_of(result), "");
}

TEST_F(demo_model_test, after_the_last_call_a_turn_gives_the_tool_outputs_alone) {
    user("/call a");
    assistant();
    tool("{\n  \"lines\": [1, 2]\n}");
    auto const result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "{\"lines\":[1,2]}");
}

TEST_F(demo_model_test, parallel_puts_the_next_calls_into_one_turn) {
    user("/parallel 2\n/call a\n/say between\n/call b\n/call c");
    auto result = turn();
    EXPECT_EQ(calls_of(result), "call_1_1 a {}\ncall_1_2 b {}\n");
    EXPECT_EQ(result->text, "between");
    assistant();
    EXPECT_EQ(calls_of(turn()), "call_2_1 c {}\n");
}

TEST_F(demo_model_test, parallel_with_fewer_calls_than_it_announces_takes_those_there_are) {
    user("/parallel 5\n/call a\n/call b");
    EXPECT_EQ(calls_of(turn()), "call_1_1 a {}\ncall_1_2 b {}\n");
}

TEST_F(demo_model_test, messages_of_other_runs_change_nothing) {
    user("/call other", "run_0");
    assistant("", "run_0");
    tool("{}", "run_0");
    user("hello");
    auto const result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "You said: hello");
}

TEST_F(demo_model_test, input_that_comes_while_the_run_works_is_taken_in_at_the_next_turn) {
    user("/call a");
    assistant();
    tool("1");
    user("/say later");
    auto const result = turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "later\n1");
}

TEST_F(demo_model_test, further_plain_input_is_said_back_by_itself) {
    user("first");
    assistant("You said: first");
    user("second");
    EXPECT_EQ(turn()->text, "You said: second");
}

TEST_F(demo_model_test, sleep_waits_inside_the_turn) {
    user("/sleep 5000\n/say awake");
    EXPECT_EQ(turn()->text, "awake");
    EXPECT_EQ(took, milliseconds(5000));
}

TEST_F(demo_model_test, cancelling_wakes_a_sleeping_turn_at_once) {
    user("/sleep 5000");
    loop.start_timer(loop.now() + milliseconds(10), [this] { stop.request(); });
    auto const result = turn();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, "cancelled");
    EXPECT_FALSE(result.error().retryable);
    EXPECT_EQ(took, milliseconds(10));
}

TEST_F(demo_model_test, transient_failures_come_as_often_as_said_and_then_the_turn_goes_on) {
    user("/fail transient 2\n/fail transient 1\n/say done");
    for (request.attempt = 0; request.attempt < 3; ++request.attempt) {
        auto const result = turn();
        ASSERT_FALSE(result) << request.attempt;
        EXPECT_EQ(result.error().kind, "unavailable");
        EXPECT_TRUE(result.error().retryable);
    }
    EXPECT_EQ(turn()->text, "done");
}

TEST_F(demo_model_test, a_permanent_failure_is_not_worth_a_retry) {
    user("/fail permanent");
    auto const result = turn();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, "rejected");
    EXPECT_FALSE(result.error().retryable);
}

TEST_F(demo_model_test, a_directive_that_cannot_be_read_fails_with_its_line) {
    for (std::string const line :
         {"/call", "/call a {", "/call a [1]", "/call a {\"x\":1e400}", "/call a {\"x\":1,\"x\":2}",
          "/call a {} {}", "/parallel", "/parallel 0", "/parallel 65", "/parallel x", "/sleep", "/sleep -1",
          "/sleep 1e3", "/sleep 86400001", "/fail", "/fail transient", "/fail transient x",
          "/fail permanent 1"}) {
        request.messages.clear();
        user(line);
        auto const result = turn();
        ASSERT_FALSE(result) << line;
        EXPECT_EQ(result.error().kind, "rejected");
        EXPECT_NE(result.error().message.find(line), std::string::npos) << result.error().message;
    }
}

TEST_F(demo_model_test, a_conversation_is_named_by_its_first_six_words) {
    request.purpose = core::run_purpose::label;
    user("/say one two\n  three four five six");
    assistant("one two");
    user("Give this conversation a title.");
    EXPECT_EQ(turn()->text, "/say one two three four five");
    request.messages.clear();
    EXPECT_EQ(turn()->text, "");
}

TEST_F(demo_model_test, words_that_only_look_like_directives_are_plain_text) {
    for (std::string const line : {"/sayhello", " /say hello", "/SAY hello", "/", "say /say"}) {
        request.messages.clear();
        user(line);
        EXPECT_EQ(turn()->text, "You said: " + line);
    }
}

} // namespace
} // namespace gatehouse::app::models
