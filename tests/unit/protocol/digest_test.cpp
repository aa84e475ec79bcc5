#include "protocol/digest.hpp"

#include "protocol/encoding.hpp"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(digest, sha256_gives_the_vectors_of_fips_180) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(
        sha256_hex(std::string(1'000'000, 'a')),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    );
    EXPECT_EQ(hex_encode(sha256("abc")), sha256_hex("abc"));
}

TEST(digest, pieces_give_the_digest_of_the_whole_and_the_hasher_starts_anew) {
    sha256_hasher hasher;
    for (int round = 0; round < 2; ++round) {
        hasher.update("a");
        hasher.update("");
        hasher.update(std::string("bc"));
        EXPECT_EQ(hasher.finish(), sha256("abc"));
    }
    EXPECT_EQ(hasher.finish(), sha256(""));
}

TEST(digest, hmac_gives_the_vectors_of_rfc_4231) {
    EXPECT_EQ(
        hex_encode(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    EXPECT_EQ(
        hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    EXPECT_EQ(
        hex_encode(
            hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")
        ),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
    EXPECT_EQ(
        hex_encode(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
    );
}

TEST(digest, equality_in_constant_time_is_equality) {
    EXPECT_TRUE(constant_time_equal("", ""));
    EXPECT_TRUE(constant_time_equal("secret", std::string("secret")));
    EXPECT_FALSE(constant_time_equal("secret", "secreT"));
    EXPECT_FALSE(constant_time_equal("secret", "secre"));
    EXPECT_FALSE(constant_time_equal("", "s"));
}

} // namespace
} // namespace gatehouse
