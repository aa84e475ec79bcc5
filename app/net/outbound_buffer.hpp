#pragma once
// The bytes that wait to be written to one WebSocket: whole frames, in order, behind the answer to the
// upgrade.
#include "app/net/frame_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::app::net {

// Loop only. The bound stands with the connection, which closes the peer when it is passed.
class outbound_buffer {
  public:
    // Bytes that are no frame: the head of the 101. Only while nothing else was appended.
    void append_handshake(std::string_view bytes);
    void append(frame_opcode opcode, std::string_view payload) { append_frame(bytes_, opcode, payload); }
    void append_close(std::uint16_t code, std::string_view text) { append_close_frame(bytes_, code, text); }
    // Frames that are encoded already.
    void append_encoded(std::string_view frames) { bytes_ += frames; }

    std::size_t size() const noexcept { return bytes_.size() - sent_; }
    bool empty() const noexcept { return size() == 0; }
    std::string_view unsent() const noexcept { return std::string_view(bytes_).substr(sent_); }
    // The first `bytes` of unsent() were written.
    void sent(std::size_t bytes);

    // Forgets every frame of which no byte was written. What is under way stays whole, so that a close frame
    // may follow.
    void drop_unstarted();

  private:
    // The first frame boundary at or after what was sent.
    std::size_t next_boundary() const noexcept;

    std::string bytes_;
    std::size_t sent_ = 0;
    std::size_t first_frame_ = 0; // where frames begin in bytes_
};

} // namespace gatehouse::app::net
