#include "protocol/jsonrpc.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace gatehouse {
namespace {

namespace json = boost::json;

// One word for what a message is, with its id: "request 1 ping {}".
std::string told(rpc_message const& message) {
    std::string text;
    auto const with_id = [&](std::optional<rpc_id> const& id) {
        if (!id) return text += "- ", void();
        append_rpc_id(text, *id);
        text += ' ';
    };
    if (auto const* request = std::get_if<rpc_request>(&message)) {
        text = "request ";
        with_id(request->id);
        text.append(request->method).append(" ").append(json::serialize(*request->params));
    } else if (auto const* response = std::get_if<rpc_response>(&message)) {
        text = "response ";
        with_id(response->id);
        if (response->result) text += json::serialize(*response->result);
        if (response->failure) text += "failed " + std::to_string(response->failure->code);
    } else {
        auto const& refusal = std::get<rpc_refusal>(message);
        text = "refusal ";
        with_id(refusal.id);
        text += kind_of(refusal.why.code);
    }
    return text;
}

struct message_case {
    std::string_view text;
    std::string_view told;
};

TEST(jsonrpc, a_single_message_is_a_request_a_response_or_a_refusal) {
    static constexpr message_case cases[] = {
        {R"({"jsonrpc":"2.0","id":1,"method":"ping"})", "request 1 ping {}"},
        {R"({"jsonrpc":"2.0","id":"a","method":"ping","params":{}})", "request \"a\" ping {}"},
        {R"({"jsonrpc":"2.0","id":null,"method":"ping","params":[]})", "request null ping {}"},
        {R"({"jsonrpc":"2.0","id":2.0,"method":"ping","params":{"a":1}})", R"(request 2 ping {"a":1})"},
        {R"({"jsonrpc":"2.0","id":-7,"method":"ping","extra":1})", "request -7 ping {}"},
        {R"({"jsonrpc":"2.0","method":"capability.progress","params":{"x":1}})",
         R"(request - capability.progress {"x":1})"},
        {R"({"jsonrpc":"2.0","id":1,"method":"a","result":1})", "request 1 a {}"},

        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", "refusal 1 invalid_params"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":null})", "refusal 1 invalid_params"},
        {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":"x"})", "refusal 1 invalid_params"},
        {R"({"jsonrpc":"2.0","method":"ping","params":7})", "refusal - invalid_params"},
        {R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":1e30,"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":true,"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":[],"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"1.0","id":1,"method":"ping"})", "refusal 1 invalid_request"},
        {R"({"jsonrpc":2.0,"id":1,"method":"ping"})", "refusal 1 invalid_request"},
        {R"({"id":1,"method":"ping"})", "refusal 1 invalid_request"},
        {R"({"method":"ping"})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":1,"method":7})", "refusal 1 invalid_request"},
        {R"({"jsonrpc":"2.0","method":null})", "refusal null invalid_request"},
        {R"({"jsonrpc":"2.0","id":1})", "refusal 1 invalid_request"},
        {"{}", "refusal null invalid_request"},
        {"1", "refusal null invalid_request"},
        {"\"ping\"", "refusal null invalid_request"},
        {"null", "refusal null invalid_request"},
        {"[]", "refusal null invalid_request"},

        {R"({"jsonrpc":"2.0","id":1,"result":{"a":1}})", R"(response 1 {"a":1})"},
        {R"({"jsonrpc":"2.0","id":1,"result":null})", "response 1 null"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":-32015,"message":"no"}})", "response 1 failed -32015"},
        {R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}})",
         "response null failed -32700"},
        {R"({"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"no"}})",
         "refusal - invalid_request"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"no"}})", "refusal - invalid_request"},
        {R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})", "refusal - invalid_request"},
        {R"({"jsonrpc":"2.0","id":1,"error":"no"})", "refusal - invalid_request"},
        {R"({"jsonrpc":"2.0","id":{},"result":1})", "refusal - invalid_request"},
        {R"({"jsonrpc":"2.0","result":1})", "refusal - invalid_request"},
        {R"({"id":1,"result":1})", "refusal - invalid_request"},
    };
    for (auto const& each : cases) {
        auto const parsed = parse_json(each.text);
        ASSERT_TRUE(parsed) << each.text;
        rpc_frame const frame(*parsed);
        EXPECT_FALSE(frame.is_batch()) << each.text;
        ASSERT_EQ(frame.size(), 1u) << each.text;
        EXPECT_EQ(told(frame.message(0)), each.told) << each.text;
    }
}

TEST(jsonrpc, params_by_position_are_refused_with_their_path) {
    auto const parsed = json::parse(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})");
    auto const message = rpc_frame(parsed).message(0);
    EXPECT_EQ(
        json::serialize(std::get<rpc_refusal>(message).why.details),
        R"([{"path":"","keyword":"type","message":"must be an object"}])"
    );
}

TEST(jsonrpc, a_text_that_is_not_json_is_answered_with_a_null_id) {
    auto const parsed = parse_json("{\"a\":1,}");
    ASSERT_FALSE(parsed);
    auto const refusal = refusal_of(parsed.error());
    EXPECT_EQ(told(refusal), "refusal null parse_error");
    EXPECT_EQ(refusal.why.details, (json::value{{"offset", 7}}));
}

TEST(jsonrpc, a_string_id_has_a_bounded_size) {
    auto const request = [](std::size_t size) {
        return json::value{{"jsonrpc", "2.0"}, {"id", std::string(size, 'x')}, {"method", "ping"}};
    };
    auto const longest = request(rpc_id_size_max);
    auto const too_long = request(rpc_id_size_max + 1);
    EXPECT_TRUE(std::holds_alternative<rpc_request>(rpc_frame(longest).message(0)));
    EXPECT_EQ(told(rpc_frame(too_long).message(0)), "refusal null invalid_request");
}

TEST(jsonrpc, a_batch_is_read_message_by_message) {
    auto const parsed =
        json::parse(R"([{"jsonrpc":"2.0","id":1,"method":"a"},1,[],{"jsonrpc":"2.0","method":"b"}])");
    rpc_frame const frame(parsed);
    ASSERT_TRUE(frame.is_batch());
    ASSERT_EQ(frame.size(), 4u);
    EXPECT_EQ(told(frame.message(0)), "request 1 a {}");
    EXPECT_EQ(told(frame.message(1)), "refusal null invalid_request");
    EXPECT_EQ(told(frame.message(2)), "refusal null invalid_request");
    EXPECT_EQ(told(frame.message(3)), "request - b {}");
}

TEST(jsonrpc, a_batch_beyond_the_limit_is_one_refusal) {
    json::value batch = json::array(rpc_batch_max, json::value(1));
    EXPECT_TRUE(rpc_frame(batch).is_batch());
    batch.as_array().push_back(1);
    rpc_frame const frame(batch);
    EXPECT_FALSE(frame.is_batch());
    EXPECT_EQ(frame.size(), 1u);
    EXPECT_EQ(told(frame.message(0)), "refusal null invalid_request");
}

TEST(jsonrpc, messages_are_written_as_the_specification_has_them) {
    std::string out;
    append_rpc_result(out, std::int64_t{1}, "{\"a\":1}");
    EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":1,"result":{"a":1}})");
    out.clear();
    append_rpc_request(out, std::string("x\"y"), "capability.invoke", "{}");
    EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":"x\"y","method":"capability.invoke","params":{}})");
    out.clear();
    append_rpc_notification(out, "event", "{\"cursor\":\"c\"}");
    EXPECT_EQ(out, R"({"jsonrpc":"2.0","method":"event","params":{"cursor":"c"}})");
    out.clear();
    append_rpc_error(out, nullptr, {errc::busy, "too \"much\""});
    EXPECT_EQ(
        out, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too \"much\"",)"
             R"("data":{"kind":"busy","retryable":true}}})"
    );
    out.clear();
    append_rpc_error(out, std::int64_t{2}, {errc::invalid_params, "no", {{{"path", "/a"}}}});
    EXPECT_EQ(
        out, R"({"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"no",)"
             R"("data":{"kind":"invalid_params","retryable":false,"details":[{"path":"/a"}]}}})"
    );
}

TEST(jsonrpc, an_error_that_was_written_is_read_back) {
    std::string out;
    append_rpc_error(out, std::int64_t{2}, {errc::capability_failed, "no", {{"outcome", "unknown"}}});
    auto const parsed = json::parse(out);
    auto const message = rpc_frame(parsed).message(0);
    auto const& response = std::get<rpc_response>(message);
    ASSERT_TRUE(response.failure);
    error const read = error_of(*response.failure);
    EXPECT_EQ(read.code, errc::capability_failed);
    EXPECT_EQ(read.message, "no");
    EXPECT_EQ(read.details, (json::value{{"outcome", "unknown"}}));
    EXPECT_EQ(error_of({-1, "strange", nullptr}).code, errc::internal);
}

} // namespace
} // namespace gatehouse
