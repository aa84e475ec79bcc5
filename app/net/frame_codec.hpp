#pragma once
// RFC 6455 frames as bytes, without a socket and without Beast: what the hot path writes and reads itself.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::app::net {

enum class frame_opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

// The longest head of a frame: two bytes, eight of length, four of mask.
inline constexpr std::size_t frame_head_bytes_max = 14;

struct frame_head {
    bool fin = false;
    std::uint8_t reserved_bits = 0; // RSV1 to RSV3; none is negotiated here
    std::uint8_t opcode = 0;        // any of 16: what it may be is the reader's to check
    bool masked = false;
    std::uint64_t payload_bytes = 0;
    std::array<char, 4> mask{};
    std::size_t head_bytes = 0;
    bool is_shortest = true; // the length is written in as few bytes as RFC 6455 demands

    bool is_control() const noexcept { return (opcode & 8) != 0; }
    // A text message in one frame, as a client must send it. Everything else is left to Beast.
    bool is_whole_text() const noexcept {
        return fin && reserved_bits == 0 && opcode == static_cast<std::uint8_t>(frame_opcode::text) &&
               masked && is_shortest;
    }
};

// The head at the start of `bytes`; nothing while it is not complete.
std::optional<frame_head> parse_frame_head(std::string_view bytes) noexcept;

// Appends one whole unmasked frame, as a server sends them, to `to`.
void append_frame(std::string& to, frame_opcode opcode, std::string_view payload);

// Appends a close frame. `text` is cut to the 123 bytes that fit, never within a character.
void append_close_frame(std::string& to, std::uint16_t code, std::string_view text);

// Removes (or applies) the mask in place.
void unmask(std::span<char> payload, std::array<char, 4> const& mask) noexcept;

// As RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

// Follows the frames of one peer, so that bytes can be handed on frame by frame. It judges nothing: whoever
// gets the bytes does, and stops at the first bad head.
class frame_scanner {
  public:
    // How many of `bytes`, at most `bytes_max`, belong to the frame that is under way or begins here. They
    // count as passed.
    std::size_t advance(std::string_view bytes, std::size_t bytes_max) noexcept;

    // Nothing of a frame has passed that isn't complete.
    bool at_frame_start() const noexcept { return head_have_ == 0; }
    // No message is open: the next data frame begins one.
    bool between_messages() const noexcept { return between_messages_ && at_frame_start(); }
    // Frames that brought a message no further: control frames, and fragments without a byte.
    std::uint64_t unproductive_frames() const noexcept { return unproductive_frames_; }

  private:
    void finish_frame() noexcept;

    std::array<char, frame_head_bytes_max> head_bytes_{};
    std::uint8_t head_have_ = 0;
    bool head_done_ = false;
    bool between_messages_ = true;
    frame_head head_;
    std::uint64_t payload_left_ = 0;
    std::uint64_t unproductive_frames_ = 0;
};

} // namespace gatehouse::app::net
