#include "core/secrets/secret_filter.hpp"

#include "protocol/encoding.hpp"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

std::string cleaned(secret_filter const& filter, std::string text) {
    filter.clean(text);
    return text;
}

TEST(secret_filter_test, a_known_value_goes_wherever_it_stands) {
    secret_filter const filter({"sk-canary/1+2", "another-secret"});
    EXPECT_EQ(
        cleaned(filter, "key=sk-canary/1+2; sk-canary/1+2another-secret"), "key=[secret]; [secret][secret]"
    );
    EXPECT_EQ(cleaned(filter, "sk-canary/1"), "sk-canary/1");
    EXPECT_EQ(cleaned(filter, ""), "");
}

TEST(secret_filter_test, encoded_values_go_too) {
    std::string const secret = "sk-canary/1+2";
    secret_filter const filter({secret});
    EXPECT_EQ(cleaned(filter, "x" + hex_encode(secret) + "y"), "x[secret]y");
    EXPECT_EQ(cleaned(filter, "736B2D63616E6172792F312B32"), "[secret]");
    EXPECT_EQ(cleaned(filter, "?key=sk-canary%2F1%2B2&x"), "?key=[secret]&x");
    EXPECT_EQ(cleaned(filter, "?key=sk-canary%2f1%2b2&x"), "?key=[secret]&x");
    for (std::string const before : {"", "a", "ab", "abc"}) {
        for (std::string const after : {"", "z", "zy"}) {
            auto const text = before + secret + after;
            EXPECT_NE(cleaned(filter, base64_encode(text)).find("[secret]"), std::string::npos) << text;
            EXPECT_NE(cleaned(filter, base64url_encode(text)).find("[secret]"), std::string::npos) << text;
        }
    }
}

TEST(secret_filter_test, tokens_of_a_gateway_go_without_being_known) {
    secret_filter const filter;
    EXPECT_EQ(cleaned(filter, "token gth_" + std::string(43, 'a') + "."), "token [secret].");
    EXPECT_EQ(cleaned(filter, "gth_short"), "gth_short");
}

TEST(secret_filter_test, short_values_and_bytes_that_are_no_text_stay) {
    secret_filter const filter({"short", "", std::string("\xff\x00\xfe-bytes", 9)});
    EXPECT_EQ(cleaned(filter, "short"), "short");
    EXPECT_EQ(
        cleaned(filter, std::string("\x80\xff\x00\xfe-bytes\x00", 11)), std::string("\x80[secret]\x00", 10)
    );
}

TEST(secret_filter_test, every_text_of_a_document_is_looked_at) {
    secret_filter const filter({"sk-canary"});
    boost::json::value document{
        {"a", {1, "is sk-canary", {{"b", "sk-canary"}}}}, {"c", "none"}, {"d", nullptr}
    };
    EXPECT_TRUE(filter.clean(document));
    boost::json::value const expected{
        {"a", {1, "is [secret]", {{"b", "[secret]"}}}}, {"c", "none"}, {"d", nullptr}
    };
    EXPECT_EQ(document, expected);
    EXPECT_FALSE(filter.clean(document));
}

} // namespace
} // namespace gatehouse::core
