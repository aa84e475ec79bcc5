#include "protocol/encoding.hpp"

#include <array>
#include <cstdint>

namespace gatehouse {
namespace {

constexpr std::uint8_t not_a_digit = 0xff;

// An alphabet of 2^Bits characters and its inverse.
template <unsigned Bits>
struct alphabet {
    consteval explicit alphabet(char const (&characters)[(1u << Bits) + 1]) {
        value_of.fill(not_a_digit);
        for (unsigned i = 0; i < (1u << Bits); ++i) {
            digits[i] = characters[i];
            value_of[static_cast<unsigned char>(characters[i])] = static_cast<std::uint8_t>(i);
        }
    }

    std::string encode(byte_view bytes) const {
        std::string text((bytes.size() * 8 + Bits - 1) / Bits, '\0');
        char* out = text.data();
        std::uint32_t kept = 0;
        unsigned kept_bits = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            kept = kept << 8 | bytes[i];
            for (kept_bits += 8; kept_bits >= Bits; kept_bits -= Bits)
                *out++ = digit(kept >> (kept_bits - Bits));
        }
        if (kept_bits != 0) *out++ = digit(kept << (Bits - kept_bits));
        return text;
    }

    std::optional<std::string> decode(std::string_view text) const {
        std::size_t const size = text.size() * Bits / 8;
        // A last digit that adds no byte's worth of bits is one too many.
        if ((size * 8 + Bits - 1) / Bits != text.size()) return std::nullopt;
        std::string bytes(size, '\0');
        char* out = bytes.data();
        std::uint32_t kept = 0;
        unsigned kept_bits = 0;
        std::uint8_t seen = 0;
        for (char const c : text) {
            std::uint8_t const value = value_of[static_cast<unsigned char>(c)];
            seen |= value;
            kept = kept << Bits | value;
            kept_bits += Bits;
            if (kept_bits >= 8) {
                kept_bits -= 8;
                *out++ = static_cast<char>(kept >> kept_bits);
            }
        }
        std::uint32_t const trailing = kept & ((1u << kept_bits) - 1);
        if (seen >> Bits != 0 || trailing != 0) return std::nullopt;
        return bytes;
    }

    char digit(std::uint32_t value) const { return digits[value & ((1u << Bits) - 1)]; }

    std::array<char, 1u << Bits> digits{};
    std::array<std::uint8_t, 256> value_of{};
};

constexpr alphabet<6> standard64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
constexpr alphabet<6> url64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
constexpr alphabet<5> lower32("abcdefghijklmnopqrstuvwxyz234567");
constexpr alphabet<4> lower16("0123456789abcdef");

} // namespace

std::string base64_encode(byte_view bytes) {
    std::string text = standard64.encode(bytes);
    text.append((4 - text.size() % 4) % 4, '=');
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
    return standard64.decode(text);
}

std::string base64url_encode(byte_view bytes) { return url64.encode(bytes); }
std::optional<std::string> base64url_decode(std::string_view text) { return url64.decode(text); }

std::string base32_encode(byte_view bytes) { return lower32.encode(bytes); }
std::optional<std::string> base32_decode(std::string_view text) { return lower32.decode(text); }

std::string hex_encode(byte_view bytes) { return lower16.encode(bytes); }
std::optional<std::string> hex_decode(std::string_view text) { return lower16.decode(text); }

} // namespace gatehouse
