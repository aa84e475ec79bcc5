#include "app/net/frame_codec.hpp"

#include <algorithm>
#include <cstring>

namespace gatehouse::app::net {

namespace {

std::uint8_t octet(char c) noexcept { return static_cast<std::uint8_t>(c); }

std::uint64_t big_endian(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (char c : bytes) value = (value << 8) | octet(c);
    return value;
}

void append_big_endian(std::string& to, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) to += static_cast<char>(value >> shift);
}

// The length of the UTF-8 character at the start of `text`; 0 where there is none.
std::size_t utf8_character_bytes(std::string_view text) noexcept {
    auto lead = octet(text[0]);
    if (lead < 0x80) return 1;
    std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return 0;
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((octet(text[i]) & 0xc0) != 0x80) return 0;
    }
    auto second = octet(text[1]);
    if (lead == 0xe0 && second < 0xa0) return 0; // overlong
    if (lead == 0xed && second > 0x9f) return 0; // surrogates
    if (lead == 0xf0 && second < 0x90) return 0; // overlong
    if (lead == 0xf4 && second > 0x8f) return 0; // above U+10FFFF
    return bytes;
}

} // namespace

std::optional<frame_head> parse_frame_head(std::string_view bytes) noexcept {
    if (bytes.size() < 2) return std::nullopt;
    frame_head head;
    head.fin = (octet(bytes[0]) & 0x80) != 0;
    head.reserved_bits = (octet(bytes[0]) >> 4) & 7;
    head.opcode = octet(bytes[0]) & 15;
    head.masked = (octet(bytes[1]) & 0x80) != 0;
    head.payload_bytes = octet(bytes[1]) & 0x7f;
    std::size_t length_bytes = head.payload_bytes == 127 ? 8 : head.payload_bytes == 126 ? 2 : 0;
    head.head_bytes = 2 + length_bytes + (head.masked ? 4 : 0);
    if (bytes.size() < head.head_bytes) return std::nullopt;
    if (length_bytes != 0) {
        head.payload_bytes = big_endian(bytes.substr(2, length_bytes));
        head.is_shortest = head.payload_bytes > (length_bytes == 2 ? 125 : 0xffff);
    }
    if (head.masked) std::copy_n(bytes.data() + 2 + length_bytes, 4, head.mask.begin());
    return head;
}

void append_frame(std::string& to, frame_opcode opcode, std::string_view payload) {
    to += static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode));
    if (payload.size() < 126) {
        to += static_cast<char>(payload.size());
    } else if (payload.size() <= 0xffff) {
        to += static_cast<char>(126);
        append_big_endian(to, payload.size(), 2);
    } else {
        to += static_cast<char>(127);
        append_big_endian(to, payload.size(), 8);
    }
    to += payload;
}

void append_close_frame(std::string& to, std::uint16_t code, std::string_view text) {
    constexpr std::size_t text_bytes_max = 123;
    if (text.size() > text_bytes_max) {
        std::size_t end = text_bytes_max;
        while (end > 0 && (octet(text[end]) & 0xc0) == 0x80) --end;
        text = text.substr(0, end);
    }
    std::string payload;
    append_big_endian(payload, code, 2);
    append_frame(to, frame_opcode::close, payload.append(text));
}

void unmask(std::span<char> payload, std::array<char, 4> const& mask) noexcept {
    std::array<char, 8> twice{mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]};
    std::uint64_t key = 0;
    std::memcpy(&key, twice.data(), sizeof key);
    char* at = payload.data();
    std::size_t left = payload.size();
    for (; left >= sizeof key; left -= sizeof key, at += sizeof key) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        word ^= key;
        std::memcpy(at, &word, sizeof word);
    }
    for (std::size_t i = 0; i < left; ++i) at[i] ^= mask[i & 3];
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        // Eight ASCII characters at a time: nearly all of JSON.
        std::uint64_t word = 0;
        while (text.size() >= sizeof word) {
            std::memcpy(&word, text.data(), sizeof word);
            if ((word & 0x8080808080808080) != 0) break;
            text.remove_prefix(sizeof word);
        }
        if (text.empty()) return true;
        std::size_t bytes = utf8_character_bytes(text);
        if (bytes == 0) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

std::size_t frame_scanner::advance(std::string_view bytes, std::size_t bytes_max) noexcept {
    bytes = bytes.substr(0, bytes_max);
    std::size_t passed = 0;
    while (!head_done_ && passed < bytes.size()) {
        head_bytes_[head_have_++] = bytes[passed++];
        if (auto head = parse_frame_head({head_bytes_.data(), head_have_})) {
            head_ = *head;
            head_done_ = true;
            payload_left_ = head->payload_bytes;
        }
    }
    if (!head_done_) return passed;
    std::size_t payload =
        static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size() - passed));
    payload_left_ -= payload;
    if (payload_left_ == 0) finish_frame();
    return passed + payload;
}

void frame_scanner::finish_frame() noexcept {
    if (head_.is_control()) {
        ++unproductive_frames_;
    } else {
        between_messages_ = head_.fin;
        if (!head_.fin && head_.payload_bytes == 0) ++unproductive_frames_;
    }
    head_have_ = 0;
    head_done_ = false;
}

} // namespace gatehouse::app::net
