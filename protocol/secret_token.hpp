#pragma once
// The bearer tokens of peers: "gth_" and 43 characters of base64url, 256 random bits. Whoever holds the text
// is the peer, so it is shown once, compared by its hash and never logged. Any thread.
#include "protocol/digest.hpp"
#include "protocol/encoding.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

inline constexpr std::string_view token_prefix = "gth_";
inline constexpr std::size_t token_size = 4 + 43;

// `random` must be fit for secrets.
inline std::string make_token(std::span<std::byte const, 32> random) {
    return std::string(token_prefix) + base64url_encode(random);
}

// Whether a text could be a token at all; a token that somebody chose himself is one too.
inline bool is_token_format(std::string_view text) {
    return text.size() == token_size && text.starts_with(token_prefix) &&
           text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 4) ==
               std::string_view::npos;
}

// What is stored of a token and looked up by: lower-case hex SHA-256 of its whole text.
inline std::string token_hash(std::string_view token) { return sha256_hex(token); }

} // namespace gatehouse
