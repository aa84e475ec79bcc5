#include "app/models/openai_compatible.hpp"

#include "tests/support/model_server.hpp"
#include "tests/support/run_on_loop.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace gatehouse::app::models {
namespace {

using std::chrono::milliseconds;
using testing::http_answer_text;
using testing::scripted_answer;
using testing::sse_head;
using turn_result = std::expected<core::model_response, core::provider_error>;

struct recorded_text final : core::text_sink {
    void on_text(std::string_view piece) override { text += piece; }
    std::string text;
};

struct fixed_clock final : core::clock {
    timestamp now() const override { return parse_timestamp("1994-11-06T08:49:37Z").value(); }
};

std::string line_of(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }
std::string delta(std::string_view json) {
    return line_of(R"({"choices":[{"index":0,"delta":)" + std::string(json) + "}]}");
}
std::string finish(std::string_view reason) {
    return line_of(R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + std::string(reason) + "\"}]}");
}
std::string const done = "data: [DONE]\n\n";

class openai_compatible_test : public ::testing::Test {
  public:
    turn_result turn(scripted_answer answer) {
        server.answer_with(std::move(answer));
        options.base_url = server.url() + "/v1/";
        std::optional<turn_result> result;
        auto body = [](openai_compatible_test& test, std::optional<turn_result>& into) -> core::task<> {
            openai_compatible model(test.loop, test.time, test.options);
            into = co_await model.turn(test.request, test.sink, test.stop);
        };
        testing::run_on_loop(loop, body(*this, result));
        return std::move(result.value());
    }
    turn_result stream(std::string const& events) { return turn({{sse_head() + events}}); }

    boost::json::value sent() { return boost::json::parse(server.requests().back().body); }

    net::io_loop loop;
    testing::model_server server{loop};
    fixed_clock time;
    openai_options options;
    core::model_request request{
        .model = "small", .run_id = "run_1", .messages = {}, .tools = {}, .temperature = {}, .attempt = 0
    };
    recorded_text sink;
    core::cancellation stop;
};

TEST_F(openai_compatible_test, text_is_streamed_and_comes_back_whole_with_its_usage) {
    auto const result = stream(
        ": keep-alive\n\n" + delta(R"({"role":"assistant","content":""})") + delta(R"({"content":"Good "})") +
        delta(R"({"content":"morning"})") + finish("stop") +
        line_of(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}})") + done
    );
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->text, "Good morning");
    EXPECT_EQ(sink.text, "Good morning");
    EXPECT_EQ(result->finish_reason, "stop");
    EXPECT_EQ(result->usage.input_tokens, 12);
    EXPECT_EQ(result->usage.output_tokens, 3);
}

TEST_F(openai_compatible_test, the_request_has_the_form_the_interface_asks_for) {
    options.api_key = "sk-1";
    request.temperature = 0.5;
    core::model_message system{
        .run_id = "", .role = "system", .text = "Be brief.", .tool_calls = {}, .call_id = "", .tool = ""
    };
    core::model_message call = system;
    call.role = "assistant";
    call.text = "";
    call.tool_calls = {{"call_1", "a__b", {{"x", 1}}}};
    core::model_message output = system;
    output.role = "tool";
    output.text = "{}";
    output.call_id = "call_1";
    request.messages = {system, call, output};
    request.tools = {{"a__b", "Does it.", R"({"type":"object"})"}};
    ASSERT_TRUE(stream(delta(R"({"content":"x"})") + finish("stop") + done));
    auto const& head = server.requests().back();
    EXPECT_EQ(head.method + " " + head.target, "POST /v1/chat/completions");
    EXPECT_EQ(head.header("authorization"), "Bearer sk-1");
    EXPECT_EQ(head.header("content-type"), "application/json");
    EXPECT_EQ(
        sent(), boost::json::parse(R"({"model":"small","stream":true,"stream_options":{"include_usage":true},
        "temperature":0.5,"messages":[{"role":"system","content":"Be brief."},
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
          "function":{"name":"a__b","arguments":"{\"x\":1}"}}]},
        {"role":"tool","content":"{}","tool_call_id":"call_1"}],
        "tools":[{"type":"function","function":{"name":"a__b","description":"Does it.","parameters":{"type":"object"}}}]})"
                )
    );
}

TEST_F(openai_compatible_test, a_local_server_without_a_key_gets_none) {
    ASSERT_TRUE(stream(delta(R"({"content":"x"})") + finish("stop") + done));
    EXPECT_EQ(server.requests().back().header("authorization"), "");
    EXPECT_FALSE(sent().as_object().contains("tools"));
    EXPECT_FALSE(sent().as_object().contains("temperature"));
}

struct calls_case {
    std::string name;
    std::vector<std::string> deltas;
    std::string calls;
};

TEST_F(openai_compatible_test, tool_calls_are_put_together_from_whatever_pieces_they_come_in) {
    std::vector<calls_case> const cases{
        {"the usual form",
         {R"({"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"a","arguments":""}}]})",
          R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]})",
          R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})"},
         "c1 a {\"x\":1}\n"},
        {"two calls, interleaved",
         {R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"{"}},
                            {"index":1,"id":"c2","function":{"name":"b","arguments":"{\"y\":"}}]})",
          R"({"tool_calls":[{"index":1,"function":{"arguments":"2}"}},{"index":0,"function":{"arguments":"}"}}]})"
         },
         "c1 a {}\nc2 b {\"y\":2}\n"},
        {"no index, a new id begins a call",
         {R"({"tool_calls":[{"id":"c1","function":{"name":"a","arguments":"{}"}}]})",
          R"({"tool_calls":[{"id":"c2","function":{"name":"b","arguments":"{\"y\""}}]})",
          R"({"tool_calls":[{"function":{"arguments":":2}"}}]})"},
         "c1 a {}\nc2 b {\"y\":2}\n"},
        {"the name repeated with each piece",
         {R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"{"}}]})",
          R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"}"}}]})"},
         "c1 a {}\n"},
        {"arguments as an object",
         {R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":{"x":1}}}]})"},
         "c1 a {\"x\":1}\n"},
        {"no arguments and no id",
         {R"({"tool_calls":[{"index":0,"function":{"name":"a"}}]})"},
         "call_1 a {}\n"},
        {"one id twice",
         {R"({"tool_calls":[{"index":0,"id":"c","function":{"name":"a"}},{"index":1,"id":"c","function":{"name":"b"}}]})"
         },
         "c a {}\nc_2 b {}\n"},
    };
    for (auto const& each : cases) {
        std::string events;
        for (auto const& piece : each.deltas) {
            auto one_line = piece;
            std::erase(one_line, '\n');
            events += delta(one_line);
        }
        auto const result = stream(events + finish("tool_calls") + done);
        ASSERT_TRUE(result) << each.name << ": " << result.error().message;
        std::string calls;
        for (auto const& call : result->tool_calls) {
            calls += call.call_id + " " + call.tool + " " + boost::json::serialize(call.arguments) + "\n";
        }
        EXPECT_EQ(calls, each.calls) << each.name;
        EXPECT_EQ(result->finish_reason, "tool_calls");
    }
}

struct failure_case {
    std::string name;
    std::string answer;
    std::string kind;
    bool retryable;
    std::optional<milliseconds> retry_after = {};
};

TEST_F(openai_compatible_test, broken_answers_and_refusals_fail_by_kind) {
    auto const chunked = [](std::string const& events) {
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
               "chunked\r\n\r\n5000\r\n" +
               events;
    };
    auto const text = delta(R"({"content":"half a "})");
    std::string const error = R"({"error":{"message":"No such key sk-secret.","code":"x"}})";
    std::vector<failure_case> const cases{
        {"cut in the middle of a stream", chunked(text), "unavailable", true},
        {"a stream that ends without a reason", sse_head() + text, "unavailable", true},
        {"an empty stream", sse_head(), "unavailable", true},
        {"a stream with nothing in it but its end", sse_head() + done, "unavailable", true},
        {"truncated JSON", sse_head() + text + "data: {\"choices\":[{\"del\n\n", "bad_response", true},
        {"a line that is not JSON", sse_head() + line_of("hello") + done, "bad_response", true},
        {"an error in the stream", sse_head() + text + line_of(error), "unavailable", true},
        {"arguments that are not JSON",
         sse_head() +
             delta(R"({"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"{\"x\":"}}]})") +
             finish("length") + done,
         "bad_response", true},
        {"arguments that are no object",
         sse_head() +
             delta(R"({"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"[1]"}}]})") +
             finish("tool_calls") + done,
         "bad_response", true},
        {"a call without a name",
         sse_head() + delta(R"({"tool_calls":[{"index":0,"id":"c"}]})") + finish("tool_calls") + done,
         "bad_response", true},
        {"an event beyond the bound", sse_head() + "data: " + std::string(2 << 20, 'x'), "bad_response", true
        },
        {"a web page", http_answer_text(200, "text/html", "<html>"), "bad_response", false},
        {"JSON that is something else", http_answer_text(200, "application/json", "{\"hello\":1}"),
         "bad_response", true},
        {"not HTTP", "SSH-2.0\r\n\r\n", "bad_response", true},
        {"closed without a word", "", "unavailable", true},
        {"bad request", http_answer_text(400, "application/json", error), "rejected", false},
        {"bad key", http_answer_text(401, "application/json", error), "rejected", false},
        {"no such model", http_answer_text(404, "text/plain", "not found"), "rejected", false},
        {"a redirect", http_answer_text(302, "text/plain", "", "Location: http://elsewhere/\r\n"), "rejected",
         false},
        {"too many", http_answer_text(429, "application/json", error, "Retry-After: 7\r\n"), "rate_limited",
         true, milliseconds(7000)},
        {"too many, no word how long", http_answer_text(429, "text/plain", ""), "rate_limited", true},
        {"overloaded until a date",
         http_answer_text(503, "text/plain", "", "Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n"),
         "unavailable", true, milliseconds(3000)},
        {"broken inside", http_answer_text(500, "text/plain", "", "Retry-After: nonsense\r\n"), "unavailable",
         true},
    };
    options.api_key = "sk-secret";
    for (auto const& each : cases) {
        auto const result = turn({{each.answer}});
        ASSERT_FALSE(result) << each.name;
        EXPECT_EQ(result.error().kind, each.kind) << each.name << ": " << result.error().message;
        EXPECT_EQ(result.error().retryable, each.retryable) << each.name;
        EXPECT_EQ(result.error().retry_after, each.retry_after) << each.name;
        EXPECT_EQ(result.error().message.find("sk-secret"), std::string::npos) << result.error().message;
    }
}

TEST_F(openai_compatible_test, harmless_disorder_is_understood) {
    auto const text = delta(R"({"content":"hello"})");
    std::vector<std::pair<std::string, std::string>> const cases{
        {"no [DONE]", sse_head() + text + finish("stop")},
        {"no finish_reason", sse_head() + text + done},
        {"no blank line at the end", sse_head() + text + "data: [DONE]"},
        {"junk lines between", sse_head() + "hello?\nretry: 3\n: x\n\n" + text + finish("stop") + done},
        {"bytes after the end", sse_head() + text + finish("stop") + done + "data: junk\n\n"},
        {"unknown members",
         sse_head() +
             line_of(
                 R"({"choices":[{"x":1,"delta":{"content":"hello","y":null},"finish_reason":"stop"}],"usage":null})"
             ) +
             done},
        {"not streamed",
         http_answer_text(
             200, "application/json; charset=utf-8",
             R"({"choices":[{"message":{"role":"assistant","content":"hello","tool_calls":null},"finish_reason":"stop"}]})"
         )},
    };
    for (auto const& [name, answer] : cases) {
        auto const result = turn({{answer}});
        ASSERT_TRUE(result) << name << ": " << result.error().message;
        EXPECT_EQ(result->text, "hello") << name;
        EXPECT_EQ(result->finish_reason, "stop") << name;
    }
}

TEST_F(openai_compatible_test, the_stream_may_be_cut_between_any_two_bytes) {
    auto const events = delta(R"({"content":"grüße"})") + finish("stop") + done;
    std::vector<std::string> pieces{sse_head()};
    for (char const each : events) pieces.emplace_back(1, each);
    auto const result = turn({pieces});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->text, "grüße");
}

TEST_F(openai_compatible_test, a_turn_that_takes_too_long_is_cut_off_and_worth_another_try) {
    options.turn_timeout = milliseconds(20);
    options.headers = {{"X-Team", "blue"}};
    auto const result = turn({{sse_head() + delta(R"({"content":"word "})")}, true});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, "unavailable");
    EXPECT_TRUE(result.error().retryable);
    EXPECT_EQ(server.requests().back().header("x-team"), "blue");
}

TEST_F(openai_compatible_test, cancelling_in_mid_stream_closes_the_connection) {
    bool closed = false;
    struct stop_at_first_word final : core::text_sink {
        explicit stop_at_first_word(core::cancellation& cancel) : cancel(cancel) {}
        void on_text(std::string_view) override { cancel.request(); }
        core::cancellation& cancel;
    } stopper{stop};
    server.answer_with({{sse_head() + delta(R"({"content":"word "})")}, true, [&closed, this] {
                            closed = true;
                            loop.stop();
                        }});
    options.base_url = server.url() + "/v1";
    auto body = [](openai_compatible_test& test, core::text_sink& into) -> core::task<> {
        openai_compatible model(test.loop, test.time, test.options);
        auto const result = co_await model.turn(test.request, into, test.stop);
        EXPECT_FALSE(result);
        if (!result) EXPECT_EQ(result.error().kind, "cancelled");
    };
    testing::run_on_loop(loop, body(*this, stopper));
    while (!closed) loop.run();
    EXPECT_TRUE(closed);
}

} // namespace
} // namespace gatehouse::app::models
