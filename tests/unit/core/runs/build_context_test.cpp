#include "core/runs/build_context.hpp"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

std::vector<std::string> window_of(std::vector<std::pair<std::string, std::string>> const& said) {
    run_settings settings;
    settings.context_characters_max = 30;
    std::vector<message> messages;
    for (auto const& [role, text] : said) {
        message m;
        m.role = role;
        m.text = text;
        m.extra = "{}";
        messages.push_back(m);
    }
    std::vector<std::string> kept;
    for (auto const& each : build_context({}, {}, {}, messages, settings).messages) kept.push_back(each.text);
    return kept;
}
using texts = std::vector<std::string>;

TEST(build_context, the_window_begins_with_a_users_message) {
    EXPECT_EQ(
        window_of(
            {{"user", "old"}, {"assistant", "a long answer"}, {"user", "new"}, {"assistant", "ten chars."}}
        ),
        (texts{"new", "ten chars."})
    );
    EXPECT_EQ(window_of({{"user", "old"}, {"assistant", "a"}, {"user", "new"}}), (texts{"old", "a", "new"}));
}

TEST(build_context, what_a_run_is_for_stays_however_much_it_has_said_since) {
    EXPECT_EQ(
        window_of(
            {{"user", "old"},
             {"assistant", "a"},
             {"user", "the task"},
             {"assistant", "a first long answer to it"},
             {"assistant", "second"},
             {"assistant", "third"}}
        ),
        (texts{"the task", "second", "third"})
    );
    EXPECT_EQ(
        window_of({{"user", "a task that is longer than all there is room for"}}),
        (texts{"a task that is longer than all there is room for"})
    );
}

} // namespace
} // namespace gatehouse::core
