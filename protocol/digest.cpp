#include "protocol/digest.hpp"

#include "protocol/encoding.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace gatehouse {
namespace {

// Looking the algorithm up costs as much as hashing a tape item, so it is done once. Never freed: digests are
// made until the process ends, by any thread.
EVP_MD const* sha256_algorithm() {
    static EVP_MD const* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (fetched == nullptr) throw std::runtime_error("OpenSSL offers no SHA-256");
    return fetched;
}

unsigned char* out(sha256_digest& digest) { return reinterpret_cast<unsigned char*>(digest.data()); }

void require(bool done, char const* what) {
    if (!done) throw std::runtime_error(what);
}

} // namespace

sha256_digest sha256(byte_view bytes) {
    sha256_digest digest;
    require(
        EVP_Digest(bytes.data(), bytes.size(), out(digest), nullptr, sha256_algorithm(), nullptr) == 1,
        "SHA-256 failed"
    );
    return digest;
}

std::string sha256_hex(byte_view bytes) { return hex_encode(sha256(bytes)); }

sha256_hasher::sha256_hasher() : context_(EVP_MD_CTX_new()) {
    require(
        context_ && EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1, "SHA-256 failed"
    );
}

sha256_hasher::~sha256_hasher() = default;

void sha256_hasher::update(byte_view bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

sha256_digest sha256_hasher::finish() {
    sha256_digest digest;
    require(
        EVP_DigestFinal_ex(context_.get(), out(digest), nullptr) == 1 &&
            EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1,
        "SHA-256 failed"
    );
    return digest;
}

void sha256_hasher::free_context::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

sha256_digest hmac_sha256(byte_view key, byte_view message) {
    sha256_digest digest;
    // OpenSSL takes a null key for "the key of last time".
    static constexpr unsigned char no_key = 0;
    void const* const key_data = key.size() == 0 ? &no_key : key.data();
    require(
        HMAC(
            sha256_algorithm(), key_data, static_cast<int>(key.size()), message.data(), message.size(),
            out(digest), nullptr
        ) != nullptr,
        "HMAC-SHA-256 failed"
    );
    return digest;
}

bool constant_time_equal(byte_view a, byte_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace gatehouse
