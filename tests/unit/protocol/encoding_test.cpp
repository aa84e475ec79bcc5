#include "protocol/encoding.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace gatehouse {
namespace {

struct encoded_case {
    std::string_view bytes, base64, base64url, base32, hex;
};

constexpr encoded_case encoded[] = {
    {"", "", "", "", ""},
    {"f", "Zg==", "Zg", "my", "66"},
    {"fo", "Zm8=", "Zm8", "mzxq", "666f"},
    {"foo", "Zm9v", "Zm9v", "mzxw6", "666f6f"},
    {"foob", "Zm9vYg==", "Zm9vYg", "mzxw6yq", "666f6f62"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE", "mzxw6ytb", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy", "mzxw6ytboi", "666f6f626172"},
    {"\xfb\xff\xfe", "+//+", "-__-", "7p774", "fbfffe"},
};

TEST(encoding, the_vectors_of_rfc_4648_are_written_and_read) {
    for (auto const& each : encoded) {
        EXPECT_EQ(base64_encode(each.bytes), each.base64);
        EXPECT_EQ(base64url_encode(each.bytes), each.base64url);
        EXPECT_EQ(base32_encode(each.bytes), each.base32);
        EXPECT_EQ(hex_encode(each.bytes), each.hex);
        EXPECT_EQ(base64_decode(each.base64), each.bytes);
        EXPECT_EQ(base64url_decode(each.base64url), each.bytes);
        EXPECT_EQ(base32_decode(each.base32), each.bytes);
        EXPECT_EQ(hex_decode(each.hex), each.bytes);
    }
}

TEST(encoding, every_length_and_every_byte_comes_back) {
    std::string bytes;
    for (unsigned size = 0; size < 300; ++size) {
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
        EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
        EXPECT_EQ(base32_decode(base32_encode(bytes)), bytes);
        EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
        bytes += static_cast<char>(size * 7 + 13);
    }
}

TEST(encoding, a_second_text_for_the_same_bytes_is_refused) {
    static constexpr std::string_view bad64[] = {"Zg",       "Zg=",  "Zg===",   "Zh==", "Zm9=",    "Zm8",
                                                 "Zm9v====", "=",    "====",    "Z===", "Zg=A",    "Zm9v\n",
                                                 " Zm9v",    "Zm-_", "Zm9\xc3", "Z",    "Zg==Zg=="};
    for (auto const text : bad64) EXPECT_FALSE(base64_decode(text)) << text;
    static constexpr std::string_view bad_url[] = {"Z",    "Zh",    "Zm9",  "Zg==",
                                                   "Zm+/", "Zm9vY", "Zm 8", "Zm9v\n"};
    for (auto const text : bad_url) EXPECT_FALSE(base64url_decode(text)) << text;
    static constexpr std::string_view bad32[] = {"m",  "mz", "mzx",      "mzxr",  "MY",
                                                 "m1", "m8", "my======", "mzxw6y"};
    for (auto const text : bad32) EXPECT_FALSE(base32_decode(text)) << text;
    static constexpr std::string_view bad_hex[] = {"6", "6F", "6g", "0x", "666", " 66", "66\n"};
    for (auto const text : bad_hex) EXPECT_FALSE(hex_decode(text)) << text;
}

} // namespace
} // namespace gatehouse
