#include "app/cli/chat_transcript.hpp"

#include "app/cli/pretty_json.hpp"
#include "app/cli/terminal_text.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace gatehouse::app::cli {
namespace {

class chat_transcript_test : public ::testing::Test {
  protected:
    void delta(std::string const& step, int attempt, int offset, std::string const& text) {
        transcript.take_delta({{"step_id", step}, {"attempt", attempt}, {"offset", offset}, {"text", text}});
    }
    void item(int seq, std::string const& kind, std::string const& payload) {
        transcript.take_item({{"seq", seq}, {"kind", kind}, {"payload", boost::json::parse(payload)}});
    }

    std::string shown;
    chat_transcript transcript{
        [this](std::string_view text) { shown += text; },
        [this](std::string const& line) { shown += "[" + line + "]\n"; }
    };
};

TEST_F(chat_transcript_test, streamed_text_is_printed_once) {
    delta("s1", 0, 0, "Good ");
    delta("s1", 0, 5, "morning");
    delta("s1", 0, 0, "Good ");
    item(1, "provider_response", R"({"text":"Good morning"})");
    delta("s1", 0, 12, " late");
    EXPECT_EQ(shown, "Good morning\n");
}

TEST_F(chat_transcript_test, what_was_dropped_on_the_way_comes_with_the_whole_text) {
    delta("s1", 0, 0, "Good ");
    delta("s1", 0, 8, "ning");
    item(1, "provider_response", R"({"text":"Good morning"})");
    item(2, "provider_response", R"({"text":"Never streamed"})");
    EXPECT_EQ(shown, "Good morning\nNever streamed\n");
}

TEST_F(chat_transcript_test, a_second_attempt_starts_its_text_anew) {
    delta("s1", 0, 0, "Half a ");
    delta("s1", 1, 0, "Whole");
    delta("s1", 0, 7, "late");
    item(1, "provider_response", R"({"text":"Whole"})");
    EXPECT_EQ(shown, "Half a \n[(once more)]\nWhole\n");
}

TEST_F(chat_transcript_test, an_answer_of_another_process_to_the_same_turn_is_not_glued_to_the_first) {
    delta("s1", 0, 0, "The answer is 4");
    delta("s1", 0, 15, "2");
    delta("s1", 0, 0, "It may be 17");
    delta("s1", 0, 12, ", or not");
    item(1, "provider_response", R"({"text":"It may be 17, or not."})");
    EXPECT_EQ(shown, "The answer is 42\n[(once more)]\nIt may be 17, or not.\n");
    delta("s2", 0, 0, "Half");
    item(2, "provider_response", R"({"text":"Another one"})");
    EXPECT_TRUE(shown.ends_with("Half\n[(once more)]\nAnother one\n")) << shown;
}

TEST_F(chat_transcript_test, items_that_come_again_after_a_reconnect_are_skipped) {
    item(1, "provider_response", R"({"text":"one"})");
    item(1, "provider_response", R"({"text":"one"})");
    item(2, "tool_call", R"({"tool":"a__b","arguments":{"x":1}})");
    item(2, "tool_call", R"({"tool":"a__b","arguments":{"x":1}})");
    EXPECT_EQ(shown, "one\n[→ a__b {\"x\":1}]\n");
    EXPECT_EQ(transcript.last_seq(), 2);
}

TEST_F(chat_transcript_test, a_question_is_open_until_it_is_decided_anywhere) {
    item(1, "approval_request", R"({"approval_id":"app_1","kind":"call","subject_hash":"ab",
        "subject":{"tool":"node__process__run","arguments":{"argv":["rm","-r"]},"node":"dev_1"}})");
    ASSERT_TRUE(transcript.question());
    EXPECT_EQ(transcript.question()->text, R"(node__process__run {"argv":["rm","-r"]} on dev_1)");
    EXPECT_FALSE(transcript.question()->is_outcome);
    item(2, "approval_decision", R"({"approval_id":"app_1","state":"denied"})");
    EXPECT_FALSE(transcript.question());
    item(3, "tool_output", R"({"ok":false,"output":"denied"})");
    EXPECT_EQ(shown, "[  denied]\n[✗ \"denied\"]\n");
}

TEST_F(chat_transcript_test, an_end_other_than_success_is_told_with_its_reason) {
    item(1, "status_change", R"({"from":"running","to":"waiting"})");
    item(2, "status_change", R"({"from":"waiting","to":"failed","reason":"too late"})");
    EXPECT_EQ(shown, "[! failed: too late]\n");
}

TEST(terminal_text, control_characters_are_shown_and_not_obeyed) {
    EXPECT_EQ(printable("a\x1b[2Jb\r\x7f\tc\n"), "a␛[2Jb␍␡\tc\n");
    EXPECT_EQ(
        printable("\xC2\x9B"
                  "x\xC3\xBC"),
        "\xEF\xBF\xBD"
        "xü"
    );
    EXPECT_EQ(one_line("a\nb\tc", 100), "a b c");
    EXPECT_EQ(one_line("grüße", 3), "gr…");
}

TEST(pretty_json, members_stand_on_lines_of_their_own) {
    EXPECT_EQ(
        pretty_json(boost::json::parse(R"({"a":[1,{"b":"x\"y"}],"c":{},"d":[],"e":0.5})")),
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x\\\"y\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  "
        "\"e\": 0.5\n}"
    );
}

} // namespace
} // namespace gatehouse::app::cli
