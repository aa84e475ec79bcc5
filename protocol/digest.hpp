#pragma once
// SHA-256 and what is built of it. Any thread; a hasher belongs to one thread at a time.
#include "protocol/byte_view.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st; // OpenSSL's EVP_MD_CTX

namespace gatehouse {

using sha256_digest = std::array<std::byte, 32>;

sha256_digest sha256(byte_view bytes);

// 64 lower-case hex digits.
std::string sha256_hex(byte_view bytes);

// The same for bytes that come in pieces.
class sha256_hasher {
  public:
    sha256_hasher();
    sha256_hasher(sha256_hasher&&) noexcept = default;
    sha256_hasher& operator=(sha256_hasher&&) noexcept = default;
    ~sha256_hasher();

    void update(byte_view bytes);

    // The digest of all pieces; the hasher then starts anew.
    sha256_digest finish();

  private:
    struct free_context {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, free_context> context_;
};

sha256_digest hmac_sha256(byte_view key, byte_view message);

// For secrets: the time taken tells nothing about where the two differ, only whether their sizes do.
bool constant_time_equal(byte_view a, byte_view b);

} // namespace gatehouse
