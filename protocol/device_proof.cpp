#include "protocol/device_proof.hpp"

#include "protocol/digest.hpp"
#include "protocol/encoding.hpp"
#include "protocol/secret_token.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace gatehouse {
namespace {

// The y of points whose order divides 8, little-endian, as canonical encodings without the sign of x.
constexpr std::array<std::string_view, 5> small_order_hex = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
};

// y of a canonical encoding is below p = 2^255 - 19.
constexpr std::string_view prime_hex = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";

std::string without_sign(device_public_key key) {
    key.back() &= std::byte{0x7f};
    return {reinterpret_cast<char const*>(key.data()), key.size()};
}

bool below_prime(std::string_view y) {
    std::string const prime = *hex_decode(prime_hex);
    auto const less = [](char a, char b) {
        return static_cast<unsigned char>(a) < static_cast<unsigned char>(b);
    };
    return std::lexicographical_compare(y.rbegin(), y.rend(), prime.rbegin(), prime.rend(), less);
}

bool has_small_order(std::string_view y) { return std::ranges::count(small_order_hex, hex_encode(y)) != 0; }

struct free_openssl {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

// OpenSSL refuses an S that isn't below the group's order and compares R as bytes: each message has one
// signature.
bool verify_ed25519(device_public_key const& key, std::string_view signature, std::string_view message) {
    if (signature.size() != 64) return false;
    std::unique_ptr<EVP_PKEY, free_openssl> const pkey(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<unsigned char const*>(key.data()), key.size()
    ));
    std::unique_ptr<EVP_MD_CTX, free_openssl> const context(EVP_MD_CTX_new());
    if (!pkey || !context) return false;
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1) return false;
    byte_view const signature_bytes = signature;
    byte_view const message_bytes = message;
    return EVP_DigestVerify(
               context.get(), signature_bytes.data(), signature_bytes.size(), message_bytes.data(),
               message_bytes.size()
           ) == 1;
}

std::unexpected<error> refused(char const* why) { return fail(errc::unauthenticated, why); }

} // namespace

std::string device_id_of(device_public_key const& key) { return "dev_" + base32_encode(sha256(key)); }

std::optional<device_public_key> parse_device_public_key(std::string_view base64url) {
    device_public_key key{};
    auto const raw = base64url_decode(base64url);
    if (!raw || raw->size() != key.size()) return std::nullopt;
    std::memcpy(key.data(), raw->data(), key.size());
    std::string const y = without_sign(key);
    if (!below_prime(y) || has_small_order(y)) return std::nullopt;
    return key;
}

std::string connect_proof_text(connect_claims const& claims) {
    std::string const hash = token_hash(claims.token);
    std::string text;
    for (std::string_view const line :
         {std::string_view("gatehouse-connect-v1"), claims.gateway_id, claims.role, claims.device_id,
          claims.nonce, std::string_view(hash)}) {
        text.append(line).append(1, '\n');
    }
    return text;
}

result<device_public_key>
verify_connect_proof(std::string_view public_key, std::string_view proof, connect_claims const& claims) {
    auto const key = parse_device_public_key(public_key);
    if (!key) return refused("device.public_key is not the base64url of an Ed25519 public key");
    if (device_id_of(*key) != claims.device_id)
        return refused("device.id is not the id of device.public_key");
    auto const signature = base64url_decode(proof);
    if (!signature || signature->size() != 64)
        return refused("proof is not the base64url of an Ed25519 signature");
    std::string const text = connect_proof_text(claims);
    if (std::ranges::count(text, '\n') != 6 || !verify_ed25519(*key, *signature, text)) {
        return refused("proof is not this device's signature for this gateway, role, nonce and token");
    }
    return *key;
}

} // namespace gatehouse
