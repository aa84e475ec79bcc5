#include "protocol/device_proof.hpp"

#include "protocol/device_key.hpp"
#include "protocol/digest.hpp"
#include "protocol/encoding.hpp"
#include "protocol/secret_token.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace gatehouse {
namespace {

device_key key_of_hex(std::string_view seed_hex) {
    std::array<std::byte, 32> seed{};
    std::string const raw = hex_decode(seed_hex).value();
    std::memcpy(seed.data(), raw.data(), seed.size());
    return device_key(seed);
}

// RFC 8032, 7.1, test 1.
device_key first_key() {
    return key_of_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
}
device_key second_key() {
    return key_of_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
}

std::string const token = "gth_" + std::string(43, 't');

struct device_proof : ::testing::Test {
    device_key const key = first_key();
    std::string const id = key.id();
    connect_claims claims{
        .gateway_id = "gw", .role = "node", .device_id = id, .nonce = "n0nce", .token = token
    };

    // The sentence of the refusal; empty where the proof holds.
    std::string verified(std::string_view public_key, std::string_view proof, connect_claims const& seen) {
        auto const outcome = verify_connect_proof(public_key, proof, seen);
        if (outcome) return "";
        EXPECT_EQ(outcome.error().code, errc::unauthenticated);
        return outcome.error().message;
    }
};

TEST_F(device_proof, the_text_is_the_six_lines_of_the_contract) {
    EXPECT_EQ(
        connect_proof_text(claims),
        "gatehouse-connect-v1\ngw\nnode\n" + id + "\nn0nce\n" + token_hash(token) + "\n"
    );
}

TEST_F(device_proof, an_id_is_the_hash_of_the_raw_key) {
    EXPECT_EQ(
        hex_encode(key.public_key()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
    EXPECT_EQ(id, "dev_" + base32_encode(sha256(key.public_key())));
    EXPECT_EQ(id.size(), 56u);
    EXPECT_EQ(parse_device_public_key(key.public_key_base64url()), key.public_key());
}

TEST_F(device_proof, a_signed_proof_is_verified) {
    auto const outcome =
        verify_connect_proof(key.public_key_base64url(), key.sign_connect_proof(claims), claims);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, key.public_key());
}

TEST_F(device_proof, a_proof_for_anything_else_is_refused) {
    std::string const proof = key.sign_connect_proof(claims);
    std::string const other_token = "gth_" + std::string(43, 'u');
    auto changed = [&](auto change) {
        connect_claims seen = claims;
        change(seen);
        return verified(key.public_key_base64url(), proof, seen);
    };
    EXPECT_EQ(changed([](connect_claims&) {}), "");
    EXPECT_NE(changed([](connect_claims& c) { c.gateway_id = "other"; }), "");
    EXPECT_NE(changed([](connect_claims& c) { c.role = "client"; }), "");
    EXPECT_NE(changed([](connect_claims& c) { c.nonce = "replayed"; }), "");
    EXPECT_NE(changed([&](connect_claims& c) { c.token = other_token; }), "");
    EXPECT_NE(changed([](connect_claims& c) { c.device_id = "dev_other"; }), "");
    // A line feed inside of a claim could move the others.
    EXPECT_NE(changed([](connect_claims& c) { c.gateway_id = "gw\nnode", c.role = ""; }), "");
}

TEST_F(device_proof, another_device_cant_prove_to_be_this_one) {
    device_key const other = second_key();
    std::string const proof = other.sign_connect_proof(claims);
    EXPECT_EQ(verified(key.public_key_base64url(), proof, claims).substr(0, 5), "proof");
    EXPECT_EQ(verified(other.public_key_base64url(), proof, claims).substr(0, 9), "device.id");
}

TEST_F(device_proof, altered_and_malleable_signatures_are_refused) {
    std::string const good = base64url_decode(key.sign_connect_proof(claims)).value();
    for (std::size_t bit = 0; bit < good.size() * 8; bit += 7) {
        std::string altered = good;
        altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
        EXPECT_NE(verified(key.public_key_base64url(), base64url_encode(altered), claims), "") << bit;
    }
    // S + L stands for the same scalar.
    std::string const order =
        hex_decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
    std::string malleable = good;
    int carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned char>(malleable[32 + i]) + static_cast<unsigned char>(order[i]);
        malleable[32 + i] = static_cast<char>(carry);
        carry >>= 8;
    }
    EXPECT_NE(verified(key.public_key_base64url(), base64url_encode(malleable), claims), "");
    for (std::string const& proof : {std::string(), good.substr(1), good + "x", good + good}) {
        EXPECT_EQ(
            verified(key.public_key_base64url(), base64url_encode(proof), claims).substr(0, 5), "proof"
        );
    }
    EXPECT_NE(verified(key.public_key_base64url(), key.sign_connect_proof(claims) + "=", claims), "");
}

TEST_F(device_proof, keys_for_which_anybody_can_sign_are_refused) {
    static constexpr std::string_view bad[] = {
        // Small order: 0, 1, -1, and the two of order 8, with both signs.
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // Second encodings of points: y of p and more.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    for (auto const hex : bad) {
        std::string const raw = hex_decode(hex).value();
        EXPECT_FALSE(parse_device_public_key(base64url_encode(raw))) << hex;
    }
    // For the neutral element R = 0·B, S = 0 would be a signature of everything.
    std::string const forged = hex_decode("01").value() + std::string(63, '\0');
    std::string const neutral = hex_decode("01").value() + std::string(31, '\0');
    EXPECT_NE(verified(base64url_encode(neutral), base64url_encode(forged), claims), "");
}

TEST_F(device_proof, texts_that_are_no_keys_are_refused) {
    std::string const raw(reinterpret_cast<char const*>(key.public_key().data()), 32);
    for (std::string const& text :
         {std::string(), base64url_encode(raw.substr(1)), base64url_encode(raw + "x"), base64_encode(raw),
          key.public_key_base64url() + " ", std::string(43, '!')}) {
        EXPECT_FALSE(parse_device_public_key(text)) << text;
    }
    // A y that belongs to no point.
    std::string const no_point = base64url_encode(hex_decode("02").value() + std::string(31, '\0'));
    auto const parsed = parse_device_public_key(no_point);
    ASSERT_TRUE(parsed);
    connect_claims seen = claims;
    std::string const no_point_id = device_id_of(*parsed);
    seen.device_id = no_point_id;
    EXPECT_EQ(verified(no_point, key.sign_connect_proof(claims), seen).substr(0, 5), "proof");
}

} // namespace
} // namespace gatehouse
