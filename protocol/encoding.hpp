#pragma once
// Bytes as text: base64, base64url, base32 and hex (RFC 4648). Each text stands for one byte string and each
// byte string for one text, so the decoders refuse white space, the other alphabet, wrong padding and
// trailing bits that are not zero. Decoded bytes come in a std::string. Any thread.
#include "protocol/byte_view.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

// The standard alphabet with "=" padding: evidence and artifacts inside JSON.
std::string base64_encode(byte_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

// "-" and "_", no padding: keys, signatures, nonces and tokens.
std::string base64url_encode(byte_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);

// Lower case a-z2-7, no padding: ids made of a digest.
std::string base32_encode(byte_view bytes);
std::optional<std::string> base32_decode(std::string_view text);

// Lower case.
std::string hex_encode(byte_view bytes);
std::optional<std::string> hex_decode(std::string_view text);

} // namespace gatehouse
