#include "persistence/backplane_message.hpp"

#include <gtest/gtest.h>

namespace gatehouse::persistence {
namespace {

using strings = std::vector<std::string>;

// Everything that a list of messages says, together.
core::commit_signals decode_all(strings const& messages) {
    core::commit_signals all;
    for (auto const& each : messages) all.merge(*decode_signals(each));
    return all;
}

TEST(backplane_message, signals_come_back_and_the_events_stay) {
    core::commit_signals said;
    said.outbox = said.queue = said.triggers = true;
    said.tapes = {"run_2", "run_1", "run_2"};
    said.inboxes = {"run_3"};
    said.invocations = {"inv_1"};
    said.devices = {"dev_1", "dev_2"};
    said.tokens = {"tok_1"};
    said.events.emplace_back();
    auto const messages = encode_signals(said);
    ASSERT_EQ(messages.size(), 1u);
    auto const heard = decode_all(messages);
    EXPECT_TRUE(heard.outbox);
    EXPECT_TRUE(heard.queue);
    EXPECT_TRUE(heard.triggers);
    EXPECT_FALSE(heard.policy);
    EXPECT_EQ(heard.tapes, (strings{"run_1", "run_2"})) << "each id is told once";
    EXPECT_EQ(heard.inboxes, strings{"run_3"});
    EXPECT_EQ(heard.invocations, strings{"inv_1"});
    EXPECT_EQ(heard.devices, (strings{"dev_1", "dev_2"}));
    EXPECT_EQ(heard.tokens, strings{"tok_1"});
    EXPECT_TRUE(heard.events.empty());
}

TEST(backplane_message, nothing_to_say_is_no_message) { EXPECT_TRUE(encode_signals({}).empty()); }

TEST(backplane_message, what_is_too_much_for_one_notification_goes_into_several) {
    core::commit_signals said;
    said.queue = true;
    for (int i = 0; i < 2'000; ++i) {
        said.tapes.push_back("run_" + std::to_string(1'000'000 + i));
        said.devices.push_back("dev_" + std::to_string(1'000'000 + i));
    }
    auto const messages = encode_signals(said);
    for (auto const& each : messages) EXPECT_LT(each.size(), 8'000u);
    auto const heard = decode_all(messages);
    EXPECT_TRUE(heard.queue);
    EXPECT_EQ(heard.tapes, said.tapes);
    EXPECT_EQ(heard.devices, said.devices);
}

TEST(backplane_message, what_another_version_says_is_taken_as_far_as_it_is_understood) {
    for (char const* foreign : {"", "no json", "[]", "7", "\"queue\""})
        EXPECT_FALSE(decode_signals(foreign)) << foreign;
    auto const partly = decode_signals(R"({"queue":true,"later":1,"tapes":["run_1",7],"devices":{}})");
    ASSERT_TRUE(partly);
    EXPECT_TRUE(partly->queue);
    EXPECT_EQ(partly->tapes, strings{"run_1"});
    EXPECT_TRUE(partly->devices.empty());
}

TEST(backplane_message, a_piece_of_text_comes_back) {
    core::event said;
    said.event_id = "01";
    said.topic = "run:run_1";
    said.category = "runs";
    said.session_id = "ses_1";
    said.principal = "user:a";
    said.type = "run.delta";
    said.occurred_at = from_ms(5);
    said.payload = R"({"text":"it's \"so\" 🐙"})";
    auto const heard = decode_ephemeral(encode_ephemeral(said).value());
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->event_id, said.event_id);
    EXPECT_EQ(heard->topic, said.topic);
    EXPECT_EQ(heard->category, said.category);
    EXPECT_EQ(heard->session_id, said.session_id);
    EXPECT_EQ(heard->principal, said.principal);
    EXPECT_EQ(heard->type, said.type);
    EXPECT_EQ(heard->occurred_at, said.occurred_at);
    EXPECT_EQ(heard->payload, said.payload);
    said.payload.assign(10'000, 'x');
    EXPECT_FALSE(encode_ephemeral(said)) << "larger than a notification";
    EXPECT_FALSE(decode_ephemeral("{}"));
}

} // namespace
} // namespace gatehouse::persistence
