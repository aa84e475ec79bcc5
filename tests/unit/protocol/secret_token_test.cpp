#include "protocol/secret_token.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gatehouse {
namespace {

TEST(secret_token, a_made_token_has_the_format_and_holds_all_its_bits) {
    std::array<std::byte, 32> random{};
    EXPECT_EQ(make_token(random), "gth_" + std::string(43, 'A'));
    random.fill(std::byte{0xff});
    std::string const token = make_token(random);
    EXPECT_EQ(token, "gth_" + std::string(42, '_') + "8");
    EXPECT_TRUE(is_token_format(token));
}

TEST(secret_token, only_the_prefix_and_43_characters_of_base64url_are_a_token) {
    std::string const body(43, 'x');
    EXPECT_TRUE(is_token_format("gth_" + body));
    EXPECT_TRUE(is_token_format("gth_" + std::string(42, '-') + "_"));
    for (std::string const& text :
         {std::string(), std::string("gth_"), "gth_" + body + "x", "gth_" + body.substr(1), "GTH_" + body,
          "gt__" + body, body + "gth_", "gth_" + body.substr(1) + "=", "gth_" + body.substr(1) + "+",
          "gth_" + body.substr(1) + " ", "gth_" + body.substr(1) + "\n",
          "gth_" + body.substr(1) + std::string(1, '\0')}) {
        EXPECT_FALSE(is_token_format(text)) << text;
    }
}

TEST(secret_token, the_hash_is_that_of_the_whole_text) {
    std::string const token = "gth_" + std::string(43, 'x');
    EXPECT_EQ(token_hash(token), sha256_hex(token));
    EXPECT_EQ(token_hash(token).size(), 64u);
}

} // namespace
} // namespace gatehouse
