#include "app/net/outbound_buffer.hpp"

namespace gatehouse::app::net {

namespace {
// A buffer that is empty keeps at most this: ten thousand idle peers must not hold what their last burst
// needed.
constexpr std::size_t idle_capacity_bytes_max = 2048;
// Written bytes are moved out when there are so many of them: often enough to bound the memory, rarely enough
// to cost nothing.
constexpr std::size_t sent_bytes_kept_max = 1 << 20;
} // namespace

void outbound_buffer::append_handshake(std::string_view bytes) {
    bytes_ += bytes;
    first_frame_ = bytes_.size();
}

void outbound_buffer::sent(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ == bytes_.size()) {
        sent_ = 0;
        first_frame_ = 0;
        if (bytes_.capacity() > idle_capacity_bytes_max) {
            std::string().swap(bytes_);
        } else {
            bytes_.clear();
        }
    } else if (sent_ > sent_bytes_kept_max && sent_ > bytes_.size() / 2) {
        std::size_t boundary = next_boundary();
        // The bytes before the boundary that were not sent stand first now, and frames begin behind them.
        bytes_.erase(0, sent_);
        first_frame_ = boundary - sent_;
        sent_ = 0;
    }
}

void outbound_buffer::drop_unstarted() {
    bytes_.resize(next_boundary());
    if (size() == 0) sent(0);
}

std::size_t outbound_buffer::next_boundary() const noexcept {
    std::size_t at = first_frame_;
    while (at < sent_) {
        auto head = parse_frame_head(std::string_view(bytes_).substr(at));
        at += head->head_bytes + static_cast<std::size_t>(head->payload_bytes);
    }
    return at;
}

} // namespace gatehouse::app::net
