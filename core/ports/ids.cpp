#include "core/ports/ids.hpp"

#include <array>
#include <span>

namespace gatehouse::core {

namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The ten characters of a ULID that tell its time.
std::string time_part(std::int64_t ms) {
    std::string text(10, '0');
    for (int i = 9; i >= 0; --i, ms >>= 5) text[static_cast<std::size_t>(i)] = alphabet[ms & 31];
    return text;
}

} // namespace

std::string id_source::make(std::string_view prefix) {
    std::string id(prefix);
    if (!id.empty()) id += '_';
    return id += make();
}

std::string id_source::make() {
    std::int64_t ms = time_.now().time_since_epoch().count();
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    {
        std::lock_guard lock(mutex_);
        if (ms > last_ms_) {
            last_ms_ = ms;
            std::array<std::uint64_t, 2> drawn{};
            random_.fill(std::as_writable_bytes(std::span(drawn)));
            high_ = drawn[0] & 0x7fff; // the top bit stays free, so that counting up cannot overflow
            low_ = drawn[1];
        } else if (++low_ == 0) {
            ++high_;
        }
        ms = last_ms_;
        high = high_;
        low = low_;
    }
    auto id = time_part(ms) + std::string(16, '0');
    for (int i = 25; i >= 10; --i) {
        id[static_cast<std::size_t>(i)] = alphabet[low & 31];
        low = (low >> 5) | (high << 59);
        high >>= 5;
    }
    return id;
}

std::string first_id_at(std::string_view prefix, timestamp t) {
    return std::string(prefix) + '_' + time_part(to_ms(t));
}

} // namespace gatehouse::core
